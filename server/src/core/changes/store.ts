import type { Sql } from '../../platform/db/index.ts';

export interface Change {
  subject: string;
  xid: string;
  /** When its transaction began. */
  at?: Date;
}

/**
 * Everything that became visible since `from`, and from where to ask the next time. Both halves see one snapshot. What
 * has a number that this cluster has not reached came with a backup of another one: it says nothing here.
 */
export async function readChanges(sql: Sql, from: string): Promise<{ changes: Change[]; next: string }> {
  const rows = await sql.query<{ next: string; subject: string | null; xid: string | null; at: Date }>(
    `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS next, c.subject::text AS subject, c.xid::text AS xid, c.at
       FROM (SELECT 1) AS one LEFT JOIN auth.changes c
         ON c.xid >= $1::xid8 AND c.xid < pg_snapshot_xmax(pg_current_snapshot())`,
    [from],
  );
  const changes = rows.filter((row): row is typeof row & { subject: string; xid: string } => row.subject !== null);
  return { changes, next: rows[0]?.next ?? from };
}

export async function deleteChangesBefore(sql: Sql, before: Date): Promise<number> {
  return sql.execute('DELETE FROM auth.changes WHERE at < $1', [before]);
}
