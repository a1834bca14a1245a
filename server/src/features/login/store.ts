import type { DeviceRow } from '../../core/signin/index.ts';
import { USER_COLUMNS, type UserRow } from '../../core/users/index.ts';
import type { Sql } from '../../platform/db/index.ts';

export interface LoginRow extends UserRow {
  password_hash: string | null;
  device_id: string | null;
  trusted_until: Date | null;
  has_devices: boolean;
}

const FIND = `SELECT u.password_hash, ${USER_COLUMNS}, d.id AS device_id, d.trusted_until,
    EXISTS (SELECT 1 FROM auth.devices o WHERE o.user_id = u.id) AS has_devices
  FROM auth.users u LEFT JOIN auth.devices d ON d.token_hash = $2 AND d.user_id = u.id AND d.expires_at > $3
  WHERE u.email = $1`;

/** The one reading that takes the password hash along, and the account's own device that a token names. */
export async function findForLogin(
  sql: Sql,
  email: string,
  deviceHash: Buffer | null,
  now: Date,
): Promise<LoginRow | undefined> {
  return (await sql.query<LoginRow>(FIND, [email, deviceHash, now]))[0];
}

export function deviceOf({ id, device_id, trusted_until }: LoginRow): DeviceRow | undefined {
  return device_id === null ? undefined : { id: device_id, user_id: id, trusted_until };
}
