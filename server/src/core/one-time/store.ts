import type { Sql } from '../../platform/db/index.ts';

export interface OneTimeRow {
  id: string;
  user_id: string | null;
  data: Record<string, string>;
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
    now: Date;
    expiresAt: Date;
  },
): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.one_time_tokens (id, token_hash, purpose, user_id, flow, data, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7, $8)`,
    [
      token.id,
      token.hash,
      token.purpose,
      token.userId,
      token.flow,
      JSON.stringify(token.data),
      token.now,
      token.expiresAt,
    ],
  );
}

/** The one use: zero rows means refused, whatever the reason. */
export async function useToken(sql: Sql, hash: Buffer, purpose: string, now: Date): Promise<OneTimeRow | undefined> {
  const rows = await sql.query<OneTimeRow>(
    `UPDATE auth.one_time_tokens SET used_at = $3
      WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3
      RETURNING id, user_id, data`,
    [hash, purpose, now],
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
    `SELECT id, user_id, data FROM auth.one_time_tokens
      WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3`,
    [hash, purpose, now],
  );
  return rows[0];
}
