import { Refusal } from '../../lib/refusal.ts';
import type { Unit } from '../effects/index.ts';
import { type Administrator, administer, lineOf, requireTarget } from '../roles/index.ts';
import { endImpersonations, endSessions } from '../sessions/index.ts';

/**
 * One session of the user's, or all of them. No impersonation says from which session it was begun, so all of them end
 * with it: a stolen session leaves nothing behind.
 */
export async function endUserSessions(unit: Unit, by: Administrator, id: string, only: string | null): Promise<void> {
  const at = new Date(by.origin.now);
  await administer(unit, by, 'users:write', async (tx, record, authority) => {
    await requireTarget(tx, authority, id);
    const scope = only === null ? { userId: id } : { userId: id, only };
    const ended = await endSessions(tx, scope, 'revoked', at);
    if (only !== null && ended.length === 0) throw new Refusal('not_found');
    const acting = await endImpersonations(tx, id, at, 'revoked');
    const which = only === null ? { detail: { sessions_ended: ended.length } } : { session: only };
    await record({
      audit: [lineOf(by, 'session.revoked', { subject: id, ...which })],
      changed: [...ended, ...acting],
    });
  });
}
