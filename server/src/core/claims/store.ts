import type { Sql } from '../../platform/db/index.ts';

/** The address is proven by somebody who did not set the password. False where it was proven before. */
export async function takeOver(sql: Sql, userId: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.users SET email_verified_at = $2, password_hash = NULL, password_changed_at = $2, name = NULL,
        picture = NULL, version = version + 1, updated_at = $2
      WHERE id = $1 AND email_verified_at IS NULL AND status = 'active'`,
    [userId, now],
  );
  return count === 1;
}

/** Every link, code and challenge of the user. */
export async function endAllOneTime(sql: Sql, userId: string, now: Date): Promise<void> {
  await sql.execute('UPDATE auth.one_time_tokens SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL', [
    userId,
    now,
  ]);
}
