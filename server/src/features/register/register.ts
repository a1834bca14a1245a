import type { AuditEvent } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import { endOneTime, issueOneTime } from '../../core/one-time/index.ts';
import type { OutgoingMail } from '../../core/outbox/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { nextStep, type SignedIn, type SignIn } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findUserByEmail, insertUser, requireEmail, requireName, type UserRow } from '../../core/users/index.ts';
import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';

export interface RegisterDeps {
  config: Pick<Config, 'APP_LINK_BASE' | 'EMAIL_VERIFICATION'>;
  unit: Unit;
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
export async function register(deps: RegisterDeps, body: Registration, origin: RequestOrigin): Promise<SignedIn | null> {
  const email = requireEmail(body.email);
  const name = body.name === undefined ? null : requireName(body.name);
  const faults = await deps.passwords.check(body.password, { email, name });
  if (faults.length > 0) throw new Refusal('password_rejected', { errors: faults });
  const passwordHash = await deps.passwords.hash(body.password);

  return deps.unit.change(async (tx, record) => {
    const id = uuidv7(origin.now);
    const createdAt = new Date(origin.now);
    const isNew = await insertUser(tx, { id, email, name, passwordHash, verifiedAt: null, createdAt });
    const user = (await findUserByEmail(tx, email)) as UserRow;
    if (deps.config.EMAIL_VERIFICATION === 'optional') return registerAtOnce(deps, tx, record, { user, isNew, body, origin });
    const isWelcome = await deps.guesses.admitMail(tx, 'register', email, origin.now);
    const mail = await mailFor(deps, tx, user, isNew, origin);
    await record({ audit: [lineFor(user, isNew, origin)], mail: isWelcome ? [mail] : [] });
    return null;
  });
}

async function mailFor(
  { config }: RegisterDeps,
  tx: Tx,
  user: UserRow,
  isNew: boolean,
  origin: RequestOrigin,
): Promise<OutgoingMail> {
  const to = { to: user.email, locale: user.locale, userId: user.id };
  if (user.email_verified_at !== null) {
    return { template: 'address-taken', ...to, data: {} };
  }
  if (isNew) {
    const token = await issueOneTime(tx, 'verify-email', { userId: user.id, data: { email: user.email } }, origin.now);
    return { template: 'verify-email', ...to, data: { link: mailLink(config.APP_LINK_BASE, '/verify-email', token) } };
  }
  await endOneTime(tx, user.id, ['verify-email', 'choose-password', 'reset-password'], origin.now);
  const token = await issueOneTime(tx, 'choose-password', { userId: user.id, data: { email: user.email } }, origin.now);
  return { template: 'choose-password', ...to, data: { link: mailLink(config.APP_LINK_BASE, '/reset-password', token) } };
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

interface AtOnce {
  user: UserRow;
  isNew: boolean;
  body: Registration;
  origin: RequestOrigin;
}

async function registerAtOnce(deps: RegisterDeps, tx: Tx, record: Record, { user, isNew, body, origin }: AtOnce): Promise<SignedIn> {
  if (!isNew) throw new Refusal('email_taken');
  const next = nextStep({ isActive: true, isEmailVerified: false, factors: [] }, [{ method: 'pwd' }], {
    requiresVerifiedEmail: false,
  });
  if (next.step !== 'complete') throw new Refusal('invalid_credentials');
  const { signedIn, effects } = await deps.signIn.completeIn(tx, {
    user,
    amr: next.amr,
    mode: body.session ?? 'token',
    deviceToken: body.device_token,
    origin,
  });
  await record(effects);
  await record({ audit: [lineFor(user, true, origin)], mail: [await mailFor(deps, tx, user, true, origin)] });
  return signedIn;
}
