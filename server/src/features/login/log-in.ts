import type { AuditEvent } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { deviceHashOf, type Outcome, type SignIn } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findPasswordHash, replaceHash, requireEmail } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import { beginLogin, deviceOf, type LoginRow } from './store.ts';

export interface LogInDeps {
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
export async function logIn(deps: LogInDeps, body: Login, origin: RequestOrigin): Promise<Outcome> {
  const email = requireEmail(body.email);
  const deviceHash = deviceHashOf(body.device_token);
  // A device has a turn of its own: it does not stand behind strangers who try the same account (BRU-05).
  const turn = deviceHash === null ? email : `${email} ${deviceHash.toString('base64')}`;
  return deps.guesses.inTurn(turn, async () => {
    const accountKey = deps.guesses.accountKey(email);
    const { user, guesses } = await beginLogin(deps.db, { email, deviceHash, accountKey, now: new Date(origin.now) });
    const device = user === undefined ? undefined : deviceOf(user);
    const hash = guesses === null ? null : (user?.password_hash ?? null);
    const verification = await deps.guesses.spend(deps.db, email, device?.id ?? null, guesses !== null, () =>
      deps.passwords.verify(body.password, hash),
    );
    if (user === undefined || !verification.ok || user.status !== 'active') {
      const isLast = guesses === deps.guesses.attemptsPerWindow;
      await refuse(deps, email, user, guesses === null ? 'locked' : 'wrong', isLast, origin);
      throw new Refusal('invalid_credentials');
    }
    const verifiedHash = verification.rehash ? await upgrade(deps, user, body.password, origin) : (hash as string);
    const attempt = {
      user,
      proofs: [{ method: 'pwd' as const }],
      mode: body.session ?? 'token',
      deviceToken: body.device_token,
      origin,
      verifiedHash,
    };
    return deps.signIn.proceed(attempt, { device, hasDevices: user.has_devices }).catch(async (error: unknown) => {
      const code = error instanceof Refusal ? error.code : null;
      if (code === 'email_not_verified') await deps.guesses.succeeded(deps.db, email, null);
      // Refused: the account was disabled, or its password replaced, while this one was looked at.
      const reason = code === 'invalid_credentials' ? 'changed' : code;
      if (reason !== null) await refuse(deps, email, user, reason, false, origin);
      throw error;
    });
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
