import type { DeviceRow } from '../../core/signin/index.ts';
import { guessIn } from '../../core/throttle/index.ts';
import { USER_COLUMNS, type UserRow } from '../../core/users/index.ts';
import type { Sql } from '../../platform/db/index.ts';

export interface LoginRow extends UserRow {
  password_hash: string | null;
  device_id: string | null;
  trusted_until: Date | null;
  has_devices: boolean;
}

const BEGIN = `WITH found AS (
    SELECT u.password_hash, ${USER_COLUMNS}, d.id AS device_id, d.trusted_until,
        EXISTS (SELECT 1 FROM auth.devices o WHERE o.user_id = u.id) AS has_devices
      FROM auth.users u LEFT JOIN auth.devices d ON d.token_hash = $2 AND d.user_id = u.id AND d.expires_at > $3
     WHERE u.email = $1),
  guess AS (${guessIn('$4', '(SELECT device_id FROM found)', '$3::timestamptz')})
  SELECT found.*, guess.attempts AS guesses FROM (SELECT) AS always LEFT JOIN found ON true LEFT JOIN guess ON true`;

/**
 * What a sign-in by password begins with: the one reading that takes the password hash along, and the account's own
 * device that a token names; and its guess is counted. `guesses` is null where none was left.
 */
export async function beginLogin(
  sql: Sql,
  who: { email: string; deviceHash: Buffer | null; accountKey: Buffer; now: Date },
): Promise<{ user: LoginRow | undefined; guesses: number | null }> {
  const [row] = await sql.query<LoginRow & { guesses: number | null }>(BEGIN, [
    who.email,
    who.deviceHash,
    who.now,
    who.accountKey,
  ]);
  if (row === undefined) throw new Error('a sign-in began without a row');
  return { user: (row.id as string | null) === null ? undefined : row, guesses: row.guesses };
}

export function deviceOf({ id, device_id, trusted_until }: LoginRow): DeviceRow | undefined {
  return device_id === null ? undefined : { id: device_id, user_id: id, trusted_until };
}
