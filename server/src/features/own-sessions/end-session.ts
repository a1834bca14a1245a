import type { Unit } from '../../core/effects/index.ts';
import { endOneTime } from '../../core/one-time/index.ts';
import { endImpersonations, endSessions } from '../../core/sessions/index.ts';
import { lockUser } from '../../core/users/index.ts';
import { isUuid } from '../../lib/id.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { forget } from './store.ts';

/** Another's session and none at all are one answer (ENU-10). */
export async function endOwnSession(
  unit: Unit,
  principal: Principal,
  id: string,
  origin: RequestOrigin,
): Promise<void> {
  if (!isUuid(id)) throw new Refusal('not_found');
  await unit.change(async (tx, record) => {
    await lockUser(tx, principal.user.id);
    const ended = await endSessions(tx, { userId: principal.user.id, only: id }, 'revoked', new Date(origin.now));
    if (ended.length === 0) throw new Refusal('not_found');
    // Whoever was in there may have asked for a change of address: it must not outlive the session.
    await endOneTime(tx, principal.user.id, ['confirm-email'], origin.now);
    const acting = await endImpersonations(tx, principal.user.id, new Date(origin.now));
    await record({
      audit: [
        {
          action: 'session.revoked',
          outcome: 'success',
          actor: { type: 'user', id: principal.user.id },
          subject: principal.user.id,
          session: id,
          origin,
        },
      ],
      changed: [...ended, ...acting],
    });
  });
}

export async function forgetDevice(
  unit: Unit,
  principal: Principal,
  id: string | null,
  origin: RequestOrigin,
): Promise<void> {
  if (id !== null && !isUuid(id)) throw new Refusal('not_found');
  await unit.change(async (tx, record) => {
    const count = await forget(tx, principal.user.id, id);
    if (id !== null && count === 0) throw new Refusal('not_found');
    await record({
      audit: [
        {
          action: 'device.removed',
          outcome: 'success',
          actor: { type: 'user', id: principal.user.id },
          subject: principal.user.id,
          session: principal.sessionId,
          origin,
          detail: { count },
        },
      ],
    });
  });
}
