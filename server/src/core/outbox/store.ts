import type { Sql, Tx } from '../../platform/db/db.ts';

export interface ClaimedMail {
  id: string;
  template: string;
  payload: string;
  created_at: Date;
  attempts: number;
}

/** Rows as `outboxRow` makes them, within the transaction that causes the mails. */
export async function insert(tx: Tx, rows: readonly Record<string, unknown>[]): Promise<void> {
  await tx.execute('INSERT INTO auth.outbox SELECT * FROM jsonb_populate_recordset(null::auth.outbox, $1::jsonb)', [
    JSON.stringify(rows),
  ]);
}

/** Part of deleting a user: nothing more is sent to him but the news of the deletion. */
export async function dropMailsOf(tx: Tx, userId: string): Promise<void> {
  await tx.execute(`DELETE FROM auth.outbox WHERE user_id = $1 AND template <> 'account-deleted'`, [userId]);
}

/** Takes up to `limit` due mails for `claim` until `until`; workers never wait for each other's rows. */
export function claimDue(sql: Sql, claim: string, now: number, until: number, limit: number): Promise<ClaimedMail[]> {
  return sql.query<ClaimedMail>(
    `WITH due AS MATERIALIZED (
       SELECT id FROM auth.outbox
       WHERE failed_at IS NULL AND next_attempt_at <= $2 AND (locked_until IS NULL OR locked_until <= $2)
       ORDER BY next_attempt_at LIMIT $4 FOR UPDATE SKIP LOCKED)
     UPDATE auth.outbox o SET claim = $1, locked_until = $3 FROM due WHERE o.id = due.id
     RETURNING o.id, o.template, o.payload, o.created_at, o.attempts`,
    [claim, new Date(now), new Date(until), limit],
  );
}

/** Of these rows, the ones that are still this claim's, now until `until`. */
export async function renew(sql: Sql, claim: string, ids: readonly string[], until: number): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    'UPDATE auth.outbox SET locked_until = $3 WHERE id = ANY($2::uuid[]) AND claim = $1 RETURNING id',
    [claim, ids, new Date(until)],
  );
  return rows.map((row) => row.id);
}

/** Hands rows back untried. */
export async function release(sql: Sql, claim: string, ids: readonly string[]): Promise<void> {
  await sql.execute(
    'UPDATE auth.outbox SET claim = NULL, locked_until = NULL WHERE id = ANY($2::uuid[]) AND claim = $1',
    [claim, ids],
  );
}

/** Sent is sent, whoever holds the row meanwhile. */
export async function remove(sql: Sql, id: string): Promise<void> {
  await sql.execute('DELETE FROM auth.outbox WHERE id = $1', [id]);
}

export async function postpone(sql: Sql, claim: string, id: string, at: number, error: string): Promise<void> {
  await sql.execute(
    `UPDATE auth.outbox SET attempts = attempts + 1, next_attempt_at = $3, last_error = $4, claim = NULL, locked_until = NULL
     WHERE id = $2 AND claim = $1`,
    [claim, id, new Date(at), error],
  );
}

export async function giveUp(sql: Sql, claim: string, id: string, now: number, error: string): Promise<void> {
  await sql.execute(
    `UPDATE auth.outbox SET attempts = attempts + 1, failed_at = $3, last_error = $4, claim = NULL, locked_until = NULL
     WHERE id = $2 AND claim = $1`,
    [claim, id, new Date(now), error],
  );
}

export async function dropFailedBefore(sql: Sql, before: number): Promise<void> {
  await sql.execute('DELETE FROM auth.outbox WHERE failed_at < $1', [new Date(before)]);
}

/** For metrics and diagnostics: how many wait, since when the oldest of them, and how many were given up. */
export async function outboxDepth(sql: Sql): Promise<{ waiting: number; oldest: Date | null; failed: number }> {
  const [row] = await sql.query<{ waiting: number; oldest: Date | null; failed: number }>(
    `SELECT count(*) FILTER (WHERE failed_at IS NULL)::int AS waiting, min(created_at) FILTER (WHERE failed_at IS NULL) AS oldest,
       count(*) FILTER (WHERE failed_at IS NOT NULL)::int AS failed FROM auth.outbox`,
  );
  return row ?? { waiting: 0, oldest: null, failed: 0 };
}
