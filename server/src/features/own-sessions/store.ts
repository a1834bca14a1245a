import type { Sql } from '../../platform/db/index.ts';

export interface DeviceListRow {
  id: string;
  user_agent: string;
  created_at: Date;
  last_used_at: Date;
  expires_at: Date;
  trusted_until: Date | null;
}

export async function listDevices(
  sql: Sql,
  userId: string,
  now: Date,
  page: { limit: number; before: string | null },
): Promise<DeviceListRow[]> {
  return sql.query<DeviceListRow>(
    `SELECT id, user_agent, created_at, last_used_at, expires_at,
            CASE WHEN trusted_until > $2 THEN trusted_until END AS trusted_until
       FROM auth.devices
      WHERE user_id = $1 AND expires_at > $2 AND ($3::uuid IS NULL OR id < $3) ORDER BY id DESC LIMIT $4`,
    [userId, now, page.before, page.limit],
  );
}

/** The devices forgotten: one of the user's own, or all of them. */
export async function forget(sql: Sql, userId: string, id: string | null): Promise<number> {
  return sql.execute('DELETE FROM auth.devices WHERE user_id = $1 AND ($2::uuid IS NULL OR id = $2)', [userId, id]);
}
