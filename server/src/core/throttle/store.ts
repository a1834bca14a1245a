import type { Sql } from '../../platform/db/index.ts';

export interface Admission {
  attempts: number;
  consecutive: number;
}

export interface GuardRule<T = number> {
  /** Attempts in one window. */
  attempts: T;
  seconds: T;
  /** The longest that a doubled window gets. */
  maxSeconds: T;
  /** Attempts without a success, ever. */
  consecutive: T;
}

/**
 * SQL that takes one of the attempts that `key` has, or gives nothing where none is left: counted before the password is
 * looked at, so that two hundred guesses at once are two hundred attempts (BRU-09). An exhausted window doubles the next
 * one. All that it is given are SQL expressions.
 */
export function admission(key: string, now: string, rule: GuardRule<string | number>): string {
  const length = `least(${rule.seconds} * power(2, least(g.windows, 20)), ${rule.maxSeconds})`;
  const over = `g.window_started_at + ${length} * interval '1 second' <= ${now}`;
  return `INSERT INTO auth.guards AS g (key, window_started_at, attempts, consecutive, windows, updated_at)
  SELECT ${key}, ${now}, 1, 1, 0, ${now}
  ON CONFLICT (key) DO UPDATE SET
    attempts = CASE WHEN ${over} THEN 1 ELSE g.attempts + 1 END,
    window_started_at = CASE WHEN ${over} THEN ${now} ELSE g.window_started_at END,
    windows = CASE WHEN ${over} AND g.attempts >= ${rule.attempts} THEN g.windows + 1 ELSE g.windows END,
    consecutive = g.consecutive + 1,
    updated_at = ${now}
  WHERE (${over} OR g.attempts < ${rule.attempts}) AND g.consecutive < ${rule.consecutive}
  RETURNING attempts, consecutive`;
}

const ADMIT = admission('$1::bytea', '$2::timestamptz', {
  attempts: '$3::int',
  seconds: '$4::int',
  maxSeconds: '$5::int',
  consecutive: '$6::int',
});

export async function admit(sql: Sql, key: Buffer, rule: GuardRule, now: Date): Promise<Admission | undefined> {
  const rows = await sql.query<Admission>(ADMIT, [
    key,
    now,
    rule.attempts,
    rule.seconds,
    rule.maxSeconds,
    rule.consecutive,
  ]);
  return rows[0];
}

export async function clearGuards(sql: Sql, keys: readonly Buffer[]): Promise<number> {
  return sql.execute(
    'UPDATE auth.guards SET attempts = 0, consecutive = 0, windows = 0 WHERE key = ANY($1::bytea[]) AND attempts > 0',
    [[...keys]],
  );
}

/** Undoes one admission. */
export async function handBack(sql: Sql, key: Buffer): Promise<void> {
  await sql.execute(
    `UPDATE auth.guards SET attempts = greatest(attempts - 1, 0), consecutive = greatest(consecutive - 1, 0) WHERE key = $1`,
    [key],
  );
}

export async function deviceIdsOf(sql: Sql, email: string): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    'SELECT d.id FROM auth.devices d JOIN auth.users u ON u.id = d.user_id WHERE u.email = $1',
    [email],
  );
  return rows.map((row) => row.id);
}

export interface GuardRow extends Admission {
  window_started_at: Date;
  windows: number;
  updated_at: Date;
}

export async function findGuard(sql: Sql, key: Buffer): Promise<GuardRow | undefined> {
  const rows = await sql.query<GuardRow>(
    'SELECT window_started_at, attempts, consecutive, windows, updated_at FROM auth.guards WHERE key = $1',
    [key],
  );
  return rows[0];
}

/** What nobody has tried for a quarter of a year. */
export async function deleteIdleGuards(sql: Sql, before: Date): Promise<number> {
  return sql.execute(
    'DELETE FROM auth.guards WHERE key IN (SELECT key FROM auth.guards WHERE updated_at < $1 LIMIT 5000)',
    [before],
  );
}

/** Adds to a shared counter, never below what the caller already knows; the new total. */
export async function addCount(
  sql: Sql,
  entry: { key: string; add: number; atLeast: number; expiresAt: Date },
): Promise<number | null> {
  const rows = await sql.query<{ count: number }>(
    `INSERT INTO auth.request_counts AS c (key, count, expires_at) VALUES ($1, $2::int + $3::int, $4)
     ON CONFLICT (key) DO UPDATE SET count = greatest(c.count, $3::int) + $2::int
     RETURNING count`,
    [entry.key, entry.add, entry.atLeast, entry.expiresAt],
  );
  return rows[0]?.count ?? null;
}

export async function deleteCount(sql: Sql, key: string): Promise<void> {
  await sql.execute('DELETE FROM auth.request_counts WHERE key = $1', [key]);
}

export async function deleteExpiredCounts(sql: Sql, now: Date): Promise<number> {
  return sql.execute(
    'DELETE FROM auth.request_counts WHERE key IN (SELECT key FROM auth.request_counts WHERE expires_at < $1 LIMIT 5000)',
    [now],
  );
}
