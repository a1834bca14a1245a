import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { mailLink } from '../../lib/link.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Unit } from '../effects/index.ts';
import { issueOneTime } from '../one-time/index.ts';
import { type Administrator, administer, covers, lineOf, replaceRoles, requireGrantable } from '../roles/index.ts';
import { findUser, insertUser, requireEmail, requireName, type UserRow } from '../users/index.ts';

export interface CreateUserDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  unit: Unit;
}

export interface UserToCreate {
  email: string;
  name?: string;
  locale?: string;
  roles?: readonly string[];
  email_verified?: boolean;
}

/** An account without a password: its owner chooses one by the link in the mail, and nobody else ever knows it (ADM-06). */
export async function createUser(
  { config, unit }: CreateUserDeps,
  by: Administrator,
  wanted: UserToCreate,
): Promise<UserRow> {
  const email = requireEmail(wanted.email);
  const name = wanted.name === undefined ? null : requireName(wanted.name);
  const roles = [...new Set(wanted.roles ?? [])];
  const { now } = by.origin;
  const id = uuidv7(now);
  const at = new Date(now);
  const locale = wanted.locale ?? null;
  return administer(unit, by, 'users:write', async (tx, record, authority) => {
    if (roles.length > 0) {
      if (!covers(authority.held, ['roles:write']))
        throw new Refusal('forbidden', { detail: 'Giving roles takes roles:write.' });
      await requireGrantable(tx, authority, roles);
    }
    const verifiedAt = wanted.email_verified ? at : null;
    if (!(await insertUser(tx, { id, email, name, passwordHash: null, verifiedAt, createdAt: at, locale }))) {
      throw new Refusal('email_taken');
    }
    await replaceRoles(tx, id, roles);
    const token = await issueOneTime(tx, 'choose-password', { userId: id, data: { email } }, now);
    const link = mailLink(config.APP_LINK_BASE, '/reset-password', token);
    await record({
      audit: [
        lineOf(by, 'user.created_by_admin', {
          subject: id,
          detail: { roles, email_verified: wanted.email_verified ?? false },
        }),
      ],
      mail: [{ template: 'reset-password', to: email, locale, userId: id, data: { link } }],
    });
    return (await findUser(tx, id)) as UserRow;
  });
}
