import type { Sql } from '../../platform/db/index.ts';

/** A change of status is a change of version. False where it is that already. */
export async function setStatus(sql: Sql, id: string, status: 'active' | 'disabled', now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.users SET status = $2, version = version + 1, updated_at = $3 WHERE id = $1 AND status <> $2`,
    [id, status, now],
  );
  return count === 1;
}

/** What hangs on the user changed. */
export async function bumpVersion(sql: Sql, id: string, now: Date): Promise<void> {
  await sql.execute('UPDATE auth.users SET version = version + 1, updated_at = $2 WHERE id = $1', [id, now]);
}
