import type { Config } from '../../config/config.ts';
import type { AuditEvent } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { nextStep, type SignedIn, type SignIn } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findPasswordHash, replaceHash, requireEmail } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import { findForLogin, type LoginRow } from './store.ts';

export interface LogInDeps {
  config: Pick<Config, 'EMAIL_VERIFICATION'>;
  db: Db;
  unit: Unit;
  passwords: Passwords;
  guesses: Guesses;
  signIn: SignIn;
}

export interface Login {
  email: string;
  password: string;
  session?: 'token' | 'cookie';
  device_token?: string;
}

/**
 * A sign-in by password. Unknown, wrong, locked, disabled and passwordless are one answer that takes the same time: the
 * attempt is counted first (for unknown addresses alike), then a hash is computed whatever is known, a decoy if need be.
 */
export async function logIn(deps: LogInDeps, body: Login, origin: RequestOrigin): Promise<SignedIn> {
  const email = requireEmail(body.email);
  const device = await deps.signIn.deviceOf(body.device_token, origin.now);
  // A device has a turn of its own: it does not stand behind strangers who try the same account (BRU-05).
  return deps.guesses.inTurn(device === undefined ? email : `${email} ${device.id}`, async () => {
    const user = await findForLogin(deps.db, email);
    const knownDevice = device !== undefined && device.user_id === user?.id ? device.id : null;
    const admission = await deps.guesses.admit(deps.db, email, knownDevice, origin.now);
    const hash = admission === undefined ? null : (user?.password_hash ?? null);
    const verification = await deps.guesses.spend(deps.db, email, knownDevice, admission, () =>
      deps.passwords.verify(body.password, hash),
    );
    if (user === undefined || !verification.ok || user.status !== 'active') {
      const isLast = admission?.attempts === deps.guesses.attemptsPerWindow;
      await refuse(deps, email, user, admission === undefined ? 'locked' : 'wrong', isLast, origin);
      throw new Refusal('invalid_credentials');
    }
    const verifiedHash = verification.rehash ? await upgrade(deps, user, body.password, origin) : (hash as string);
    return proceed(deps, user, verifiedHash, body, origin).catch(async (error: unknown) => {
      // The account was disabled, or its password replaced, while this one was looked at.
      const isRefused = error instanceof Refusal && error.code === 'invalid_credentials';
      if (isRefused) await refuse(deps, email, user, 'changed', false, origin);
      throw error;
    });
  });
}

async function proceed(
  deps: LogInDeps,
  user: LoginRow,
  verifiedHash: string,
  body: Login,
  origin: RequestOrigin,
): Promise<SignedIn> {
  const next = nextStep(
    { isActive: true, isEmailVerified: user.email_verified_at !== null, factors: [] },
    [{ method: 'pwd' }],
    { requiresVerifiedEmail: deps.config.EMAIL_VERIFICATION === 'required' },
  );
  if (next.step === 'verify_email') {
    await deps.guesses.succeeded(deps.db, user.email, null);
    await refuse(deps, user.email, user, 'email_not_verified', false, origin);
    throw new Refusal('email_not_verified');
  }
  if (next.step !== 'complete') throw new Refusal('invalid_credentials');
  return deps.signIn.complete({
    user,
    amr: next.amr,
    mode: body.session ?? 'token',
    deviceToken: body.device_token,
    origin,
    verifiedHash,
  });
}

// The same password under the present parameters. Where another sign-in did it first, or the password was changed, what
// stands by then decides: the hash that is given back is always one that this password was proven against.
async function upgrade(deps: LogInDeps, user: LoginRow, password: string, origin: RequestOrigin): Promise<string> {
  const from = user.password_hash as string;
  const to = await deps.passwords.hash(password);
  const isUpgraded = await deps.unit.change(async (tx, record) => {
    if (!(await replaceHash(tx, user.id, from, to))) return false;
    const actor = { type: 'user', id: user.id } as const;
    await record({
      audit: [{ action: 'user.password_rehashed', outcome: 'success', actor, subject: user.id, origin }],
    });
    return true;
  });
  if (isUpgraded) return to;
  const present = await findPasswordHash(deps.db, user.id);
  return present !== null && (await deps.passwords.verify(password, present)).ok ? present : from;
}

async function refuse(
  deps: LogInDeps,
  email: string,
  user: LoginRow | undefined,
  reason: string,
  isLast: boolean,
  origin: RequestOrigin,
): Promise<void> {
  const about = user === undefined ? {} : { subject: user.id };
  const line = (action: AuditEvent['action']): AuditEvent => ({
    action,
    outcome: 'failure',
    actor: { type: 'anonymous' },
    ...about,
    reason: user?.status === 'disabled' ? 'disabled' : reason,
    origin,
    personal: { email },
  });
  await deps.unit.record({
    audit: isLast ? [line('session.login_failed'), line('user.locked_out')] : [line('session.login_failed')],
  });
}
