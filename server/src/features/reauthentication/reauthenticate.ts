import type { Unit } from '../../core/effects/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import type { Sessions } from '../../core/sessions/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findPasswordHash } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface ReauthenticateDeps {
  db: Db;
  unit: Unit;
  passwords: Passwords;
  sessions: Sessions;
  guesses: Guesses;
}

/** The signed-in user proves the password again; the new cookie value for a cookie session. */
export async function reauthenticate(
  deps: ReauthenticateDeps,
  principal: Principal,
  password: string,
  origin: RequestOrigin,
): Promise<string | null> {
  await requirePassword(deps, principal, password, origin);
  return deps.unit.change(async (tx, record) => {
    await deps.guesses.succeeded(tx, principal.user.email, principal.deviceId);
    const cookie = await deps.sessions.reauthenticated(tx, principal, ['pwd'], origin.now);
    await record({
      audit: [
        {
          action: 'session.reauthenticated',
          outcome: 'success',
          actor: { type: 'user', id: principal.user.id },
          subject: principal.user.id,
          session: principal.sessionId,
          origin,
        },
      ],
      changed: [principal.sessionId],
    });
    return cookie;
  });
}

async function requirePassword(
  { db, unit, passwords, guesses }: ReauthenticateDeps,
  principal: Principal,
  password: string,
  origin: RequestOrigin,
): Promise<void> {
  const { id, email } = principal.user;
  const admission = await guesses.admit(db, email, principal.deviceId, origin.now);
  const hash = admission === undefined ? null : await findPasswordHash(db, id);
  const look = () => passwords.verify(password, hash);
  if ((await guesses.spend(db, email, principal.deviceId, admission !== undefined, look)).ok) return;
  await unit.record({
    audit: [
      {
        action: 'session.reauthenticated',
        outcome: 'failure',
        actor: { type: 'user', id },
        subject: id,
        session: principal.sessionId,
        reason: admission === undefined ? 'locked' : 'wrong',
        origin,
      },
    ],
  });
  throw new Refusal('invalid_credentials');
}
