import { userActivity } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import { userView } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { readEverything } from './store.ts';

const LINES_MAX = 10_000;

/** Article 20 GDPR: what is kept about the user, in a form that a machine can read. */
export async function exportAccount(
  db: Db,
  unit: Unit,
  principal: Principal,
  origin: RequestOrigin,
): Promise<Record<string, unknown>> {
  const { id } = principal.user;
  await unit.record({
    audit: [{ action: 'user.exported', outcome: 'success', actor: { type: 'user', id }, subject: id, origin }],
  });
  const activity: unknown[] = [];
  let cursor: string | null = null;
  do {
    const page: { data: unknown[]; next_cursor: string | null } = await userActivity(db, id, {
      limit: 100,
      ...(cursor === null ? {} : { cursor }),
    });
    activity.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null && activity.length < LINES_MAX);
  return {
    exported_at: new Date(origin.now).toISOString(),
    user: userView(principal.user),
    ...(await readEverything(db, id)),
    activity,
  };
}
