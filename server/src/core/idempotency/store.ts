import type { Sql } from '../../platform/db/index.ts';

export interface KeptAnswer {
  fingerprint: Buffer;
  status: number | null;
  body: string | null;
}

/** Claims the key for one request; the earlier claim, where there is one that has not expired. */
export async function claim(
  sql: Sql,
  keyHash: Buffer,
  fingerprint: Buffer,
  now: Date,
  expiresAt: Date,
): Promise<KeptAnswer | undefined> {
  const claimed = await sql.execute(
    `INSERT INTO auth.idempotency_keys AS k (key_hash, fingerprint, created_at, expires_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (key_hash) DO UPDATE SET fingerprint = $2, status = NULL, body = NULL, created_at = $3, expires_at = $4
       WHERE k.expires_at <= $3`,
    [keyHash, fingerprint, now, expiresAt],
  );
  if (claimed === 1) return undefined;
  const rows = await sql.query<KeptAnswer>(
    'SELECT fingerprint, status, body FROM auth.idempotency_keys WHERE key_hash = $1',
    [keyHash],
  );
  // Dropped between the two statements: the key is free again, and only one of those who wait gets it.
  return rows[0] ?? claim(sql, keyHash, fingerprint, now, expiresAt);
}

export async function keep(sql: Sql, keyHash: Buffer, status: number, body: string, expiresAt: Date): Promise<void> {
  await sql.execute('UPDATE auth.idempotency_keys SET status = $2, body = $3, expires_at = $4 WHERE key_hash = $1', [
    keyHash,
    status,
    body,
    expiresAt,
  ]);
}

export async function drop(sql: Sql, keyHash: Buffer): Promise<void> {
  await sql.execute('DELETE FROM auth.idempotency_keys WHERE key_hash = $1', [keyHash]);
}

export async function deleteExpiredKeys(sql: Sql, now: Date): Promise<number> {
  return sql.execute(
    `DELETE FROM auth.idempotency_keys WHERE key_hash IN
       (SELECT key_hash FROM auth.idempotency_keys WHERE expires_at < $1 LIMIT 5000)`,
    [now],
  );
}
