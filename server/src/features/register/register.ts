import type { Config } from '../../config/config.ts';
import type { AuditEvent } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import { endOneTime, issueOneTime } from '../../core/one-time/index.ts';
import type { OutgoingMail } from '../../core/outbox/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import type { Outcome, SignIn } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findUserByEmail, insertUser, requireEmail, requireName, type UserRow } from '../../core/users/index.ts';
import { uuidv7 } from '../../lib/id.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';

export interface RegisterDeps {
  config: Pick<Config, 'APP_LINK_BASE' | 'EMAIL_VERIFICATION'>;
  unit: Unit;
  flags: Pick<Flags, 'requireOn'>;
  passwords: Passwords;
  guesses: Guesses;
  signIn: SignIn;
}

export interface Registration {
  email: string;
  password: string;
  name?: string;
  session?: 'token' | 'cookie';
  device_token?: string;
}

type Record = Parameters<Parameters<Unit['change']>[0]>[1];

/**
 * A new account, or what looks exactly like one: for a taken address nothing of the request is stored, the hash is
 * computed and thrown away, and the owner is told by mail. An unverified account is not extended by whoever registers
 * it again (pre-hijacking): its earlier link ends, and the mail offers to choose a new password.
 */
export async function register(deps: RegisterDeps, body: Registration, origin: RequestOrigin): Promise<Outcome | null> {
  const email = requireEmail(body.email);
  // Before anything is looked up: a closed registration says the same of every address.
  await deps.flags.requireOn('registration', { key: email });
  const name = body.name === undefined ? null : requireName(body.name);
  const faults = await deps.passwords.check(body.password, { email, name });
  if (faults.length > 0) throw new Refusal('password_rejected', { errors: faults });
  const passwordHash = await deps.passwords.hash(body.password);

  const isOptional = deps.config.EMAIL_VERIFICATION === 'optional';

  const outcome = await deps.unit.change(async (tx, record) => {
    const id = uuidv7(origin.now);
    const createdAt = new Date(origin.now);
    const isNew = await insertUser(tx, { id, email, name, passwordHash, verifiedAt: null, createdAt });
    const user = await findUserByEmail(tx, email);
    if (user === undefined) throw new Refusal('busy', { retryAfter: 1 }); // deleted at this very moment
    const audit = [lineFor(user, isNew, origin)];
    const mail = isOptional && !isNew ? [] : [await mailFor(deps, tx, user, isNew, origin)];
    const here = isOptional && isNew ? await signInAtOnce(deps, tx, record, user, body, origin) : null;
    await record({ audit, mail });
    return here;
  });
  if (isOptional && outcome === null) throw new Refusal('email_taken');
  return outcome;
}

/**
 * The same statements whatever the address is, so that their time tells nothing either. Once an address has had its
 * mails for the hour nothing of it changes: the links that were sent before still work.
 */
async function mailFor(
  { config, guesses }: RegisterDeps,
  tx: Tx,
  user: UserRow,
  isNew: boolean,
  origin: RequestOrigin,
): Promise<OutgoingMail> {
  const isWelcome = await guesses.admitMail(tx, 'register', user.email, origin.now);
  const isOpen = user.email_verified_at === null && user.status === 'active';
  const userId = isWelcome && isOpen ? user.id : null;
  const purpose = isNew ? 'verify-email' : 'choose-password';
  await endOneTime(tx, userId, ['verify-email', 'choose-password', 'reset-password'], origin.now);
  const token = await issueOneTime(tx, purpose, { userId, data: { email: user.email } }, origin.now);
  const link = mailLink(config.APP_LINK_BASE, isNew ? '/verify-email' : '/reset-password', token);
  const to = { to: user.email, locale: user.locale, userId: user.id };
  if (!isWelcome) return { template: 'nobody', ...to, data: { link } };
  return isOpen ? { template: purpose, ...to, data: { link } } : { template: 'address-taken', ...to, data: {} };
}

function lineFor(user: UserRow, isNew: boolean, origin: RequestOrigin): AuditEvent {
  return {
    action: isNew ? 'user.registered' : 'user.register_duplicate',
    outcome: isNew ? 'success' : 'denied',
    actor: isNew ? { type: 'user', id: user.id } : { type: 'anonymous' },
    subject: user.id,
    origin,
  };
}

async function signInAtOnce(
  deps: RegisterDeps,
  tx: Tx,
  record: Record,
  user: UserRow,
  body: Registration,
  origin: RequestOrigin,
): Promise<Outcome> {
  const { outcome, effects } = await deps.signIn.proceedIn(tx, {
    user,
    proofs: [{ method: 'pwd' }],
    mode: body.session ?? 'token',
    deviceToken: body.device_token,
    origin,
  });
  await record(effects);
  return outcome;
}
