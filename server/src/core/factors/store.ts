import type { Sql } from '../../platform/db/index.ts';

/** Begins an enrolment, or begins it anew; a confirmed one stays as it is. False where there is one. */
export async function putTotp(sql: Sql, userId: string, sealed: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `INSERT INTO auth.totp AS t (user_id, secret_sealed, created_at) VALUES ($1, $2, $3)
     ON CONFLICT (user_id) DO UPDATE SET secret_sealed = $2, created_at = $3, last_step = 0
      WHERE t.confirmed_at IS NULL`,
    [userId, sealed, now],
  );
  return count === 1;
}

export interface TotpRow {
  secret_sealed: string;
  created_at: Date;
  confirmed_at: Date | null;
}

export async function findTotp(sql: Sql, userId: string): Promise<TotpRow | undefined> {
  const rows = await sql.query<TotpRow>(
    'SELECT secret_sealed, created_at, confirmed_at FROM auth.totp WHERE user_id = $1',
    [userId],
  );
  return rows[0];
}

/** The one use of a time step: neither it nor an earlier one works again. */
export async function takeStep(sql: Sql, userId: string, sealed: string, step: number): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.totp SET last_step = $3
      WHERE user_id = $1 AND secret_sealed = $2 AND confirmed_at IS NOT NULL AND last_step < $3`,
    [userId, sealed, step],
  );
  return count === 1;
}

/** The first code makes the enrolment count, and is used up by it. */
export async function confirmStep(sql: Sql, userId: string, sealed: string, step: number, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.totp SET last_step = $3, confirmed_at = $4
      WHERE user_id = $1 AND secret_sealed = $2 AND confirmed_at IS NULL`,
    [userId, sealed, step, now],
  );
  return count === 1;
}

export async function deleteTotp(sql: Sql, userId: string): Promise<boolean> {
  return (await sql.execute('DELETE FROM auth.totp WHERE user_id = $1', [userId])) === 1;
}

export async function setMailFactor(sql: Sql, userId: string, since: Date | null): Promise<boolean> {
  const count = await sql.execute(
    'UPDATE auth.users SET mail_factor_at = $2 WHERE id = $1 AND (mail_factor_at IS NULL) <> ($2::timestamptz IS NULL)',
    [userId, since],
  );
  return count === 1;
}

/** The former set ends with the new one. */
export async function replaceCodes(sql: Sql, userId: string, hashes: readonly Buffer[], now: Date): Promise<void> {
  await deleteCodes(sql, userId);
  for (const hash of hashes) {
    await sql.execute('INSERT INTO auth.recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)', [
      userId,
      hash,
      now,
    ]);
  }
}

export async function deleteCodes(sql: Sql, userId: string): Promise<void> {
  await sql.execute('DELETE FROM auth.recovery_codes WHERE user_id = $1', [userId]);
}

/** The one use of a code. */
export async function takeCode(sql: Sql, userId: string, hash: Buffer, now: Date): Promise<boolean> {
  const count = await sql.execute(
    'UPDATE auth.recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL',
    [userId, hash, now],
  );
  return count === 1;
}

export async function deletePasskeysOf(sql: Sql, userId: string): Promise<number> {
  return sql.execute('DELETE FROM auth.passkeys WHERE user_id = $1', [userId]);
}
