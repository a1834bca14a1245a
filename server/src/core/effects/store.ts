import type { Sql } from '../../platform/db/index.ts';
import type { Change } from '../changes/index.ts';

const EFFECTS = `WITH
  audited AS (INSERT INTO audit.inbox SELECT * FROM jsonb_populate_recordset(null::audit.inbox, $1::jsonb)),
  mailed AS (INSERT INTO auth.outbox SELECT * FROM jsonb_populate_recordset(null::auth.outbox, $2::jsonb))
INSERT INTO auth.changes (subject) SELECT DISTINCT s::uuid FROM unnest($3::text[]) AS s
RETURNING subject, xid::text AS xid`;

export async function insertEffects(
  sql: Sql,
  audit: Record<string, unknown>[],
  mail: Record<string, unknown>[],
  changed: readonly string[],
): Promise<Change[]> {
  return sql.query<Change>(EFFECTS, [JSON.stringify(audit), JSON.stringify(mail), [...changed]]);
}
