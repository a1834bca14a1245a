import {
  canonicalEmail,
  findUser,
  findUserByEmail,
  principalUser,
  type UserRow,
  type UserView,
  userView,
} from '../../core/users/index.ts';
import { isUuid } from '../../lib/id.ts';
import type { Sql } from '../../platform/db/index.ts';
import { EXIT, Failure } from '../failure.ts';
import { fieldsText, plain, print, printJson } from '../output.ts';

export const who = {
  type: 'positional',
  description: 'The address or the id of the account.',
  required: true,
} as const;

/** The account that a word names, or a message that says that there is none. */
export async function requireUser(sql: Sql, word: string): Promise<UserRow> {
  const id = word.toLowerCase();
  const email = canonicalEmail(word);
  const user = isUuid(id) ? await findUser(sql, id) : email === null ? undefined : await findUserByEmail(sql, email);
  if (user !== undefined) return user;
  const what = isUuid(id) || email !== null ? 'There is no account' : 'Neither an address nor an id:';
  throw new Failure(EXIT.failed, `${what} ${JSON.stringify(word)}.`);
}

export function viewOf(user: UserRow): UserView {
  return userView(principalUser(user));
}

export function printUser(user: UserRow, asJson: boolean): void {
  const view = viewOf(user);
  if (asJson) {
    printJson(view);
    return;
  }
  print(
    fieldsText([
      ['id', view.id],
      ['email', `${view.email}${view.email_verified ? '' : ' (not verified)'}`],
      ['name', plain(view.name ?? '-')],
      ['roles', view.roles.join(', ') || '-'],
      ['status', view.status],
      ['password', view.has_password ? 'yes' : 'none'],
      ['created', view.created_at],
      ['last sign-in', view.last_login_at ?? 'never'],
    ]),
  );
}
