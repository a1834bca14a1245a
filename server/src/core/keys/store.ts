import type { Sql } from '../../platform/db/index.ts';

export interface SigningKeyRow {
  kid: string;
  alg: 'EdDSA' | 'ES256' | 'RS256';
  public_jwk: Record<string, unknown>;
  private_sealed: string;
  created_at: Date;
  active_from: Date;
  retired_at: Date | null;
  revoked_at: Date | null;
}

export async function listKeys(sql: Sql): Promise<SigningKeyRow[]> {
  return sql.query<SigningKeyRow>('SELECT * FROM auth.signing_keys ORDER BY active_from DESC, kid');
}

/** One process at a time decides about keys, for the length of the transaction. */
export async function lockKeys(sql: Sql): Promise<void> {
  await sql.query('SELECT pg_advisory_xact_lock(7201946)');
}

export async function insertKey(sql: Sql, key: Omit<SigningKeyRow, 'retired_at' | 'revoked_at'>): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.signing_keys (kid, alg, public_jwk, private_sealed, created_at, active_from)
     VALUES ($1, $2, $3::jsonb, $4, $5, $6)`,
    [key.kid, key.alg, JSON.stringify(key.public_jwk), key.private_sealed, key.created_at, key.active_from],
  );
}

/** The keys before `kid` stop signing when it starts. */
export async function retireOthers(sql: Sql, kid: string, at: Date): Promise<void> {
  await sql.execute('UPDATE auth.signing_keys SET retired_at = $2 WHERE kid <> $1 AND retired_at IS NULL', [kid, at]);
}

export async function revokeKey(sql: Sql, kid: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.signing_keys SET revoked_at = $2, retired_at = least(coalesce(retired_at, $2), $2)
      WHERE kid = $1 AND revoked_at IS NULL`,
    [kid, now],
  );
  return count === 1;
}

export async function deleteKeysRetiredBefore(sql: Sql, before: Date): Promise<number> {
  return sql.execute('DELETE FROM auth.signing_keys WHERE retired_at < $1', [before]);
}

/** Where no key is left that stays, the newest of those that sign now stays after all. */
export async function keepSigning(sql: Sql, now: Date): Promise<void> {
  await sql.execute(
    `UPDATE auth.signing_keys SET retired_at = NULL
      WHERE kid = (SELECT kid FROM auth.signing_keys
                    WHERE revoked_at IS NULL AND active_from <= $1 AND retired_at > $1 ORDER BY active_from DESC LIMIT 1)
        AND NOT EXISTS (SELECT 1 FROM auth.signing_keys WHERE revoked_at IS NULL AND retired_at IS NULL)`,
    [now],
  );
}

/** Every process reads its keys anew, whoever changed them and for whatever reason. */
export async function markChanged(sql: Sql, subject: string): Promise<void> {
  await sql.execute('INSERT INTO auth.changes (subject) VALUES ($1)', [subject]);
}
