import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { Unit } from '../effects/index.ts';
import { type Administrator, administer, lineOf, requireTarget } from '../roles/index.ts';
import { findSession, type Sessions } from '../sessions/index.ts';
import { lockUser, principalUser } from '../users/index.ts';

export const IMPERSONATION_SECONDS = 3600;

export interface ImpersonateDeps {
  unit: Unit;
  sessions: Sessions;
}

/**
 * A session of the user's that carries the administrator's id beside (`act`, RFC 8693, section 4.1). It reads; what it
 * may not change, the guard refuses. Nobody gets further by it than he was: not to who holds more, and not from one
 * impersonation to the next (ADM-07).
 */
export async function impersonate(
  { unit, sessions }: ImpersonateDeps,
  by: Administrator,
  id: string,
  reason: string,
): Promise<{ principal: Principal; refreshToken: string }> {
  const { principal: actor, origin } = by;
  if (actor.impersonator !== null) throw new Refusal('forbidden', { detail: 'Not while acting as another user.' });
  if (id === actor.user.id) throw new Refusal('conflict', { detail: 'You are this user already.' });
  return administer(unit, by, 'users:impersonate', async (tx, record, authority) => {
    await requireOwnSession(tx, actor);
    const user = await requireTarget(tx, authority, id);
    if (user.status !== 'active') throw new Refusal('conflict', { detail: 'The account is disabled.' });
    const started = await sessions.start(
      tx,
      {
        userId: id,
        kind: 'token',
        amr: actor.amr,
        deviceId: null,
        impersonatorId: actor.user.id,
        lifetimeSeconds: IMPERSONATION_SECONDS,
      },
      origin,
    );
    await record({
      audit: [lineOf(by, 'user.impersonated', { subject: id, session: started.id, personal: { reason } })],
      changed: [id],
    });
    const principal: Principal = {
      sessionId: started.id,
      kind: 'token',
      deviceId: null,
      amr: actor.amr,
      authenticatedAt: origin.now,
      factorAt: actor.amr.includes('mfa') ? origin.now : null,
      createdAt: origin.now,
      expiresAt: started.expiresAt,
      user: principalUser(user),
      impersonator: actor.user.id,
    };
    return { principal, refreshToken: started.secret };
  });
}

/**
 * A session that is remembered here may have ended elsewhere a moment ago. Behind the row's lock that is known, and no
 * impersonation begins beside the end of all sessions, which would not find it.
 */
async function requireOwnSession(tx: Tx, { sessionId, user }: Principal): Promise<void> {
  await lockUser(tx, user.id);
  const own = await findSession(tx, sessionId);
  if (own === undefined || own.ended_at !== null) throw new Refusal('session_revoked');
}
