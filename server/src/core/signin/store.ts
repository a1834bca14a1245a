import type { Sql } from '../../platform/db/index.ts';

export interface DeviceRow {
  id: string;
  user_id: string;
}

export async function findDevice(sql: Sql, hash: Buffer, now: Date): Promise<DeviceRow | undefined> {
  const rows = await sql.query<DeviceRow>(
    'SELECT id, user_id FROM auth.devices WHERE token_hash = $1 AND expires_at > $2',
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

export async function forgetDevices(sql: Sql, userId: string, except: string | null): Promise<void> {
  await sql.execute('DELETE FROM auth.devices WHERE user_id = $1 AND ($2::uuid IS NULL OR id <> $2)', [userId, except]);
}

export async function deleteExpiredDevices(sql: Sql, now: Date): Promise<number> {
  return sql.execute(
    'DELETE FROM auth.devices WHERE id IN (SELECT id FROM auth.devices WHERE expires_at < $1 LIMIT 5000)',
    [now],
  );
}
