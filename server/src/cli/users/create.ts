import { issueOneTime } from '../../core/one-time/index.ts';
import { createPasswords } from '../../core/passwords/index.ts';
import { administer, lineOf, replaceRoles, requireGrantable } from '../../core/roles/index.ts';
import { findUser, insertUser, requireEmail, requireName, type UserRow } from '../../core/users/index.ts';
import { uuidv7 } from '../../lib/id.ts';
import { mailLink } from '../../lib/link.ts';
import { Refusal } from '../../lib/refusal.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { type Ground, onGround } from '../ground.ts';
import { note, print, printJson } from '../output.ts';
import { viewOf } from './find.ts';
import { readSecret } from './secret.ts';

interface Wanted {
  readonly email: string;
  readonly name: string | null;
  readonly locale: string | null;
  readonly roles: readonly string[];
  readonly isVerified: boolean;
  readonly password: string | null;
}

export const create = command({
  summary: 'Make an account, an administrator for example.',
  about:
    'Prints a one-time link (24 hours) where the password is chosen; nobody else ever knows it. With --password-stdin the\npassword is read from standard input instead: a password on the command line would stand in the process list.',
  examples: [
    'auth-api users create --email=ada@example.com --admin',
    'auth-api users create --email=bot@example.com --password-stdin < secret.txt',
    'auth-api users create --email=eve@example.com --name="Eve" --roles=support,auditor --json',
  ],
  args: {
    email: { type: 'string', description: 'The address.', required: true },
    name: { type: 'string', description: 'The name.' },
    locale: { type: 'string', description: 'The language of mails, such as de.' },
    admin: { type: 'boolean', description: 'May do everything (the role `admin`).' },
    roles: { type: 'string', description: 'Roles, separated by commas.', valueHint: 'role,…' },
    unverified: { type: 'boolean', description: 'The address still has to be proven by a mail.' },
    'password-stdin': { type: 'boolean', description: 'Read the password from standard input.' },
    json,
  },
  run: ({ args }) =>
    onGround({ command: 'users create' }, async (ground) => {
      const wanted: Wanted = {
        email: requireEmail(args.email),
        name: args.name === undefined ? null : requireName(args.name),
        locale: localeOf(args.locale),
        roles: [
          ...new Set(
            [...(args.roles?.split(',') ?? []), ...(args.admin ? ['admin'] : [])]
              .map((one) => one.trim())
              .filter(Boolean),
          ),
        ],
        isVerified: args.unverified !== true,
        password: args['password-stdin'] ? await readSecret('Password: ') : null,
      };
      const { user, link } = await make(ground, wanted);
      if (args.json) return printJson({ user: viewOf(user), link });
      note(`made ${user.email} (${user.id})${user.roles.length === 0 ? '' : ` with ${user.roles.join(', ')}`}`);
      if (link !== null) note('The password is chosen here, once, within 24 hours:');
      print(link ?? user.id);
    }),
});

async function make({ unit, by, config }: Ground, wanted: Wanted): Promise<{ user: UserRow; link: string | null }> {
  const passwordHash = wanted.password === null ? null : await hashOf(wanted.password, wanted, config);
  const { now } = by.origin;
  const { email, name, locale, roles, isVerified } = wanted;
  const id = uuidv7(now);
  const createdAt = new Date(now);
  try {
    return await administer(unit, by, 'users:write', async (tx, record, authority) => {
      await requireGrantable(tx, authority, roles);
      const verifiedAt = isVerified ? createdAt : null;
      if (!(await insertUser(tx, { id, email, name, passwordHash, verifiedAt, createdAt, locale })))
        throw new Refusal('email_taken');
      await replaceRoles(tx, id, roles);
      const token =
        passwordHash === null ? await issueOneTime(tx, 'choose-password', { userId: id, data: { email } }, now) : null;
      await record({
        audit: [lineOf(by, 'user.created_by_admin', { subject: id, detail: { roles, email_verified: isVerified } })],
      });
      const user = (await findUser(tx, id)) as UserRow;
      return { user, link: token === null ? null : mailLink(config.APP_LINK_BASE, '/reset-password', token) };
    });
  } catch (error) {
    if (error instanceof Refusal && error.code === 'email_taken')
      throw new Failure(EXIT.failed, `There is an account ${email} already.`);
    throw error;
  }
}

async function hashOf(
  password: string,
  owner: { email: string; name: string | null },
  config: Ground['config'],
): Promise<string> {
  const passwords = createPasswords({ config });
  const faults = await passwords.check(password, owner);
  if (faults[0] !== undefined) throw new Failure(EXIT.data, `The password cannot be used: ${faults[0].message}`);
  return passwords.hash(password);
}

function localeOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (text.length <= 35 && /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(text)) return text;
  throw new Failure(EXIT.usage, '--locale takes a language tag, such as de or en-GB.');
}
