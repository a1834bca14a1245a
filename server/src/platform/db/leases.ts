import type { Sql } from './db.ts';

/** True for the one process whose turn it is; the next turn comes `seconds` later (a little less, for the clocks). */
export async function leaseJob(sql: Sql, name: string, seconds: number, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `INSERT INTO auth.jobs AS j (name, last_run_at) VALUES ($1, $3)
     ON CONFLICT (name) DO UPDATE SET last_run_at = $3 WHERE j.last_run_at <= $3 - $2::float8 * interval '0.9 second'`,
    [name, seconds, now],
  );
  return count === 1;
}
