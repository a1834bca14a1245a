import type { Unit } from '../../core/effects/index.ts';
import { endOneTime } from '../../core/one-time/index.ts';
import { endImpersonations, endSessions, type SessionRow, type Sessions } from '../../core/sessions/index.ts';
import { lockUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal } from '../../platform/http/principal.ts';

export interface RefreshDeps {
  sessions: Sessions;
  unit: Unit;
}

/** One use of a refresh token (RFC 9700, section 4.14.2): a rotation, or the end of the session it was stolen from. */
export async function refresh(
  deps: RefreshDeps,
  token: string,
  origin: RequestOrigin,
): Promise<{ principal: Principal; refreshToken: string }> {
  const outcome = await deps.sessions.refresh(token);
  if (outcome.kind === 'rotated') return outcome;
  await endReused(deps, outcome.row, origin);
  throw new Refusal('refresh_token_reused');
}

async function endReused({ unit }: RefreshDeps, row: SessionRow, origin: RequestOrigin): Promise<void> {
  await unit.change(async (tx, record) => {
    await lockUser(tx, row.id);
    const ended = await endSessions(tx, { userId: row.id, only: row.session_id }, 'reused', new Date(origin.now));
    if (ended.length === 0) return; // somebody else has just ended it, and told
    const acting = await endImpersonations(tx, row.id, new Date(origin.now));
    await endOneTime(tx, row.id, ['confirm-email'], origin.now); // the thief's change of address goes with the session
    await record({
      audit: [
        {
          action: 'session.refresh_reused',
          outcome: 'denied',
          actor: { type: 'anonymous' },
          subject: row.id,
          session: row.session_id,
          origin,
        },
      ],
      mail: [
        {
          template: 'refresh-reused',
          to: row.email,
          locale: row.locale,
          userId: row.id,
          data: { when: new Date(origin.now).toISOString(), device: origin.userAgent, address: origin.address },
        },
      ],
      changed: [row.session_id, ...acting],
    });
  });
}
