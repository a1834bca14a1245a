import type { Sql } from '../../platform/db/index.ts';

export interface OneTimeRow {
  id: string;
  user_id: string | null;
  flow: string | null;
  data: Record<string, string>;
}

export interface TriedRow extends OneTimeRow {
  isRight: boolean;
  attempts: number;
  secretHash: Buffer | null;
}

export async function insertToken(
  sql: Sql,
  token: {
    id: string;
    hash: Buffer;
    purpose: string;
    userId: string | null;
    flow: string | null;
    data: Record<string, string>;
    secretHash: Buffer | null;
    now: Date;
    expiresAt: Date;
  },
): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.one_time_tokens (id, token_hash, purpose, user_id, flow, data, created_at, expires_at, secret_hash)
     VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9)`,
    [
      token.id,
      token.hash,
      token.purpose,
      token.userId,
      token.flow,
      JSON.stringify(token.data),
      token.now,
      token.expiresAt,
      token.secretHash,
    ],
  );
}

/** The one use: zero rows means refused, whatever the reason. What takes a code is not used without it. */
export async function useToken(
  sql: Sql,
  hash: Buffer,
  purpose: string,
  now: Date,
  flow: string | null,
): Promise<OneTimeRow | undefined> {
  const rows = await sql.query<OneTimeRow>(
    `UPDATE auth.one_time_tokens SET used_at = $3
      WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
        AND secret_hash IS NULL AND flow IS NOT DISTINCT FROM $4
      RETURNING id, user_id, flow, data`,
    [hash, purpose, now, flow],
  );
  return rows[0];
}

export async function endTokens(
  sql: Sql,
  userId: string | null,
  purposes: readonly string[],
  now: Date,
): Promise<number> {
  return sql.execute(
    `UPDATE auth.one_time_tokens SET used_at = $3 WHERE user_id = $1 AND purpose = ANY($2::text[]) AND used_at IS NULL`,
    [userId, [...purposes], now],
  );
}

/** Ends what nobody in particular was given: the set-up links of before. */
export async function endOwnerless(sql: Sql, purpose: string, now: Date): Promise<void> {
  await sql.execute(
    'UPDATE auth.one_time_tokens SET used_at = $2 WHERE user_id IS NULL AND purpose = $1 AND used_at IS NULL',
    [purpose, now],
  );
}

/** Ends what was made for the same purpose when the given value was, or since. */
export async function endTokensSince(sql: Sql, row: OneTimeRow, purpose: string, now: Date): Promise<number> {
  return sql.execute(
    `UPDATE auth.one_time_tokens SET used_at = $4 WHERE user_id = $1 AND purpose = $2 AND used_at IS NULL
        AND created_at >= (SELECT t.created_at FROM auth.one_time_tokens t WHERE t.id = $3)`,
    [row.user_id, purpose, row.id, now],
  );
}

/**
 * An unused `choose-password` of an account that is still unverified stays: it is what says that more than one person
 * registered the address, and that a plain verification would prove the first one's password.
 */
export async function deleteExpiredTokens(sql: Sql, before: Date): Promise<number> {
  return sql.execute(
    `DELETE FROM auth.one_time_tokens WHERE id IN (
       SELECT t.id FROM auth.one_time_tokens t
        WHERE t.expires_at < $1 AND NOT (t.purpose = 'choose-password' AND t.used_at IS NULL
          AND EXISTS (SELECT 1 FROM auth.users u WHERE u.id = t.user_id AND u.email_verified_at IS NULL))
        LIMIT 5000)`,
    [before],
  );
}

/** Whose a still usable token is, without using it. */
export async function peekToken(sql: Sql, hash: Buffer, purpose: string, now: Date): Promise<OneTimeRow | undefined> {
  const rows = await sql.query<OneTimeRow>(
    `SELECT id, user_id, flow, data FROM auth.one_time_tokens
      WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3`,
    [hash, purpose, now],
  );
  return rows[0];
}

export async function spendTry(
  sql: Sql,
  one: { hash: Buffer; purpose: string; secretHash: Buffer | null; now: Date; tries: number },
): Promise<TriedRow | undefined> {
  const rows = await sql.query<OneTimeRow & { is_right: boolean; attempts: number; secret_hash: Buffer | null }>(
    `UPDATE auth.one_time_tokens SET attempts = attempts + 1, used_at = CASE WHEN secret_hash = $3 THEN $4 END
      WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $4 AND attempts < $5
      RETURNING id, user_id, flow, data, attempts, secret_hash, coalesce(secret_hash = $3, false) AS is_right`,
    [one.hash, one.purpose, one.secretHash, one.now, one.tries],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  const { is_right: isRight, secret_hash: secretHash, ...rest } = row;
  return { ...rest, isRight, secretHash };
}

/** Another code for a value that takes one; its tries stay as they are. */
export async function putSecret(sql: Sql, id: string, secretHash: Buffer): Promise<void> {
  await sql.execute('UPDATE auth.one_time_tokens SET secret_hash = $2 WHERE id = $1', [id, secretHash]);
}

export async function useById(sql: Sql, id: string, now: Date): Promise<boolean> {
  return (
    (await sql.execute('UPDATE auth.one_time_tokens SET used_at = $2 WHERE id = $1 AND used_at IS NULL', [id, now])) ===
    1
  );
}

/** What was never finished, once each: used up by being found. */
export async function takeUnfinished(sql: Sql, purpose: string, now: Date, since: Date): Promise<OneTimeRow[]> {
  return sql.query<OneTimeRow>(
    `UPDATE auth.one_time_tokens SET used_at = $2 WHERE id IN (
       SELECT id FROM auth.one_time_tokens
        WHERE expires_at <= $2 AND expires_at > $3 AND purpose = $1 AND used_at IS NULL
        LIMIT 100 FOR UPDATE SKIP LOCKED)
      RETURNING id, user_id, flow, data`,
    [purpose, now, since],
  );
}
