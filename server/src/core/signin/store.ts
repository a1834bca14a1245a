import type { Sql } from '../../platform/db/index.ts';

export interface DeviceRow {
  id: string;
  user_id: string;
  trusted_until: Date | null;
}

export async function findDevice(sql: Sql, hash: Buffer, now: Date): Promise<DeviceRow | undefined> {
  const rows = await sql.query<DeviceRow>(
    'SELECT id, user_id, trusted_until FROM auth.devices WHERE token_hash = $1 AND expires_at > $2',
    [hash, now],
  );
  return rows[0];
}

export async function touchDevice(sql: Sql, id: string, userAgent: string, now: Date): Promise<void> {
  await sql.execute('UPDATE auth.devices SET last_used_at = $2, user_agent = $3 WHERE id = $1', [id, now, userAgent]);
}

/** Whether the user had another device already: then a new one is worth a mail. */
export async function insertDevice(
  sql: Sql,
  device: { id: string; userId: string; hash: Buffer; userAgent: string; now: Date; expiresAt: Date },
): Promise<boolean> {
  const rows = await sql.query<{ had_another: boolean }>(
    `INSERT INTO auth.devices (id, user_id, token_hash, user_agent, created_at, last_used_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $5, $6)
     RETURNING EXISTS (SELECT 1 FROM auth.devices d WHERE d.user_id = $2) AS had_another`,
    [device.id, device.userId, device.hash, device.userAgent, device.now, device.expiresAt],
  );
  return rows[0]?.had_another ?? false;
}

/** All but one, which is still known but no longer spared the second factor. */
export async function forgetDevices(sql: Sql, userId: string, except: string | null): Promise<void> {
  await sql.execute('DELETE FROM auth.devices WHERE user_id = $1 AND ($2::uuid IS NULL OR id <> $2)', [userId, except]);
  if (except !== null) await distrustDevices(sql, userId);
}

/** Every device of the user is asked for the second factor again. */
export async function distrustDevices(sql: Sql, userId: string): Promise<void> {
  await sql.execute('UPDATE auth.devices SET trusted_until = NULL WHERE user_id = $1 AND trusted_until IS NOT NULL', [
    userId,
  ]);
}

export async function trustDevice(sql: Sql, id: string, until: Date): Promise<void> {
  await sql.execute('UPDATE auth.devices SET trusted_until = $2 WHERE id = $1', [id, until]);
}

/** When policy wants a second factor of the account; what was set once stands. */
export async function setFactorDue(sql: Sql, userId: string, due: Date): Promise<void> {
  await sql.execute('UPDATE auth.users SET factor_due_at = $2 WHERE id = $1 AND factor_due_at IS NULL', [userId, due]);
}

export async function deleteExpiredDevices(sql: Sql, now: Date): Promise<number> {
  return sql.execute(
    'DELETE FROM auth.devices WHERE id IN (SELECT id FROM auth.devices WHERE expires_at < $1 LIMIT 5000)',
    [now],
  );
}
