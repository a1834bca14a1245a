import type { Sql } from '../../platform/db/index.ts';

/** False where one is under way already. */
export async function insertReset(
  sql: Sql,
  reset: { id: string; userId: string; administratorId: string; now: Date; dueAt: Date },
): Promise<boolean> {
  const count = await sql.execute(
    `INSERT INTO auth.factor_resets (id, user_id, administrator_id, created_at, due_at) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (user_id) WHERE vetoed_at IS NULL AND done_at IS NULL DO NOTHING`,
    [reset.id, reset.userId, reset.administratorId, reset.now, reset.dueAt],
  );
  return count === 1;
}

/** Takes what is due and was not vetoed: once. */
export async function takeDue(sql: Sql, userId: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.factor_resets SET done_at = $2
      WHERE user_id = $1 AND vetoed_at IS NULL AND done_at IS NULL AND due_at <= $2`,
    [userId, now],
  );
  return count === 1;
}

/** Stops what has not happened yet. */
export async function vetoReset(sql: Sql, id: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    'UPDATE auth.factor_resets SET vetoed_at = $2 WHERE id = $1 AND vetoed_at IS NULL AND done_at IS NULL',
    [id, now],
  );
  return count === 1;
}

export async function usersWithDue(sql: Sql, now: Date): Promise<string[]> {
  const rows = await sql.query<{ user_id: string }>(
    `SELECT user_id FROM auth.factor_resets WHERE vetoed_at IS NULL AND done_at IS NULL AND due_at <= $1 LIMIT 100`,
    [now],
  );
  return rows.map((row) => row.user_id);
}

export async function isDue(sql: Sql, userId: string, now: Date): Promise<boolean> {
  const rows = await sql.query(
    'SELECT 1 FROM auth.factor_resets WHERE user_id = $1 AND vetoed_at IS NULL AND done_at IS NULL AND due_at <= $2',
    [userId, now],
  );
  return rows.length > 0;
}

/** Stops whatever waits for the user. */
export async function vetoPending(sql: Sql, userId: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    'UPDATE auth.factor_resets SET vetoed_at = $2 WHERE user_id = $1 AND vetoed_at IS NULL AND done_at IS NULL AND due_at > $2',
    [userId, now],
  );
  return count > 0;
}
