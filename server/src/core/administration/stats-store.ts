import type { Sql } from '../../platform/db/index.ts';

// Of a larger table a sample of its pages is read and scaled up: some 40 MB, however large the table is.
const SAMPLE_PAGES = 5000;

/** The share of the table, in per cent, that a figure is to be made of: 100 while the table is small. */
export async function sampleShare(sql: Sql, table: 'auth.users' | 'auth.sessions' | 'auth.guards'): Promise<number> {
  const rows = await sql.query<{ pages: number }>(
    `SELECT (pg_relation_size($1::regclass) / current_setting('block_size')::int)::int AS pages`,
    [table],
  );
  return Math.min(100, (100 * SAMPLE_PAGES) / Math.max(1, rows[0]?.pages ?? 1));
}

export interface UserCounts {
  total: number;
  verified: number;
  disabled: number;
  without_password: number;
}

export async function countUsers(sql: Sql, share: number): Promise<UserCounts> {
  const rows = await sql.query<UserCounts>(
    `SELECT count(*)::int AS total, count(email_verified_at)::int AS verified,
        (count(*) FILTER (WHERE status = 'disabled'))::int AS disabled,
        (count(*) FILTER (WHERE password_hash IS NULL))::int AS without_password
       FROM auth.users TABLESAMPLE SYSTEM ($1::real)`,
    [share],
  );
  return rows[0] as UserCounts;
}

export async function countLiveSessions(sql: Sql, share: number, now: Date, idleSince: Date): Promise<number> {
  const rows = await sql.query<{ live: number }>(
    `SELECT count(*)::int AS live FROM auth.sessions TABLESAMPLE SYSTEM ($1::real)
      WHERE ended_at IS NULL AND expires_at > $2 AND rotated_at > $3`,
    [share, now, idleSince],
  );
  return rows[0]?.live ?? 0;
}

/** Accounts and known devices whose attempts are used up. Mails are counted in the same table, and never that high. */
export async function countLocked(
  sql: Sql,
  share: number,
  rule: { attempts: number; seconds: number; maxSeconds: number; consecutive: number },
  now: Date,
): Promise<number> {
  const rows = await sql.query<{ locked: number }>(
    `SELECT count(*)::int AS locked FROM auth.guards TABLESAMPLE SYSTEM ($1::real)
      WHERE consecutive = $2::int OR attempts >= $3::int AND window_started_at
        + least($4::int * power(2, least(windows, 20)), $5::int) * interval '1 second' > $6`,
    [share, rule.consecutive, rule.attempts, rule.seconds, rule.maxSeconds, now],
  );
  return rows[0]?.locked ?? 0;
}

export interface Bucket {
  start: Date;
  count: number;
}

/** New accounts per day (UTC) since `first`: ids are made of the time of creation, so it is a range of the primary key. */
export async function countNewUsers(sql: Sql, firstId: string, first: Date): Promise<Bucket[]> {
  return sql.query<Bucket>(
    `SELECT date_trunc('day', created_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS start, count(*)::int AS count
       FROM auth.users WHERE id >= $1::uuid AND created_at >= $2 GROUP BY 1`,
    [firstId, first],
  );
}

/** How often this action happened in a span, counted up to `most` along the index on (action, at). */
export async function countAction(
  sql: Sql,
  action: 'session.login' | 'session.login_failed',
  span: { from: Date; to: Date },
  most: number,
): Promise<number> {
  const rows = await sql.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM
       (SELECT 1 FROM audit.events WHERE action = $1 AND at >= $2 AND at < $3 LIMIT $4::int) AS counted`,
    [action, span.from, span.to, most],
  );
  return rows[0]?.count ?? 0;
}

export async function auditHead(sql: Sql): Promise<{ seq: number; sealed_at: Date } | null> {
  const rows = await sql.query<{ seq: number; sealed_at: Date }>(
    'SELECT seq, sealed_at FROM audit.events ORDER BY seq DESC LIMIT 1',
  );
  return rows[0] ?? null;
}
