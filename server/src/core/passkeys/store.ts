import type { Sql } from '../../platform/db/index.ts';

/** A passkey as it is shown. */
export interface PasskeyRow {
  id: string;
  user_id: string;
  name: string;
  aaguid: string;
  transports: string[];
  backup_eligible: boolean;
  backed_up: boolean;
  /** Made without user verification: it stands beside another factor, and signs nobody in by itself. */
  second_factor_only: boolean;
  created_at: Date;
  last_used_at: Date | null;
}

/** The same with what proves it. */
export interface CredentialRow extends PasskeyRow {
  credential_id: Buffer;
  public_key: Buffer;
  sign_count: number;
}

const COLUMNS =
  'id, user_id, name, aaguid, transports, backup_eligible, backed_up, second_factor_only, created_at, last_used_at';

export async function findCredential(sql: Sql, credentialId: Buffer): Promise<CredentialRow | undefined> {
  const rows = await sql.query<CredentialRow>(
    `SELECT ${COLUMNS}, credential_id, public_key, sign_count FROM auth.passkeys WHERE credential_id = $1`,
    [credentialId],
  );
  return rows[0];
}

/** What a browser is told of the passkeys of an account, so that it offers or avoids them. */
export async function listCredentialIds(
  sql: Sql,
  userId: string,
): Promise<{ credential_id: Buffer; transports: string[] }[]> {
  return sql.query('SELECT credential_id, transports FROM auth.passkeys WHERE user_id = $1 ORDER BY id', [userId]);
}

export async function listPasskeys(
  sql: Sql,
  userId: string,
  page: { limit: number; before: string | null },
): Promise<PasskeyRow[]> {
  return sql.query<PasskeyRow>(
    `SELECT ${COLUMNS} FROM auth.passkeys
      WHERE user_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
    [userId, page.before, page.limit],
  );
}

export interface NewPasskey {
  id: string;
  userId: string;
  credentialId: Buffer;
  publicKey: Buffer;
  signCount: number;
  name: string;
  aaguid: string;
  transports: string[];
  isBackupEligible: boolean;
  isBackedUp: boolean;
  isSecondFactorOnly: boolean;
  now: Date;
}

/** Undefined where the credential is registered already, by whomever (WebAuthn Level 3, section 7.1, step 26). */
export async function insertPasskey(sql: Sql, one: NewPasskey): Promise<PasskeyRow | undefined> {
  const rows = await sql.query<PasskeyRow>(
    `INSERT INTO auth.passkeys (id, user_id, credential_id, public_key, sign_count, name, aaguid, transports,
        backup_eligible, backed_up, second_factor_only, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
     ON CONFLICT (credential_id) DO NOTHING RETURNING ${COLUMNS}`,
    [
      one.id,
      one.userId,
      one.credentialId,
      one.publicKey,
      one.signCount,
      one.name,
      one.aaguid,
      one.transports,
      one.isBackupEligible,
      one.isBackedUp,
      one.isSecondFactorOnly,
      one.now,
    ],
  );
  return rows[0];
}

/**
 * The one use: the counter and the time move together, and a counter that does not grow moves nothing (a copy of the
 * authenticator). One that stays at zero is an authenticator that does not count.
 */
export async function usePasskey(
  sql: Sql,
  id: string,
  used: { signCount: number; isBackedUp: boolean; now: Date },
): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.passkeys SET sign_count = $2::bigint, backed_up = $3, last_used_at = $4
      WHERE id = $1 AND (sign_count < $2::bigint OR (sign_count = 0 AND $2::bigint = 0))`,
    [id, used.signCount, used.isBackedUp, used.now],
  );
  return count === 1;
}

/** The passkey, if it is this user's. */
export async function renamePasskey(
  sql: Sql,
  userId: string,
  id: string,
  name: string,
): Promise<PasskeyRow | undefined> {
  const rows = await sql.query<PasskeyRow>(
    `UPDATE auth.passkeys SET name = $3 WHERE user_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [userId, id, name],
  );
  return rows[0];
}

export async function findPasskey(sql: Sql, userId: string, id: string): Promise<PasskeyRow | undefined> {
  const rows = await sql.query<PasskeyRow>(`SELECT ${COLUMNS} FROM auth.passkeys WHERE user_id = $1 AND id = $2`, [
    userId,
    id,
  ]);
  return rows[0];
}

export async function deletePasskey(sql: Sql, userId: string, id: string): Promise<boolean> {
  return (await sql.execute('DELETE FROM auth.passkeys WHERE user_id = $1 AND id = $2', [userId, id])) === 1;
}
