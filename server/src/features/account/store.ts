import type { Sql } from '../../platform/db/index.ts';

/** What is kept about a user beside the account itself; secrets and their hashes are not the user's to carry away. */
export async function readEverything(sql: Sql, userId: string): Promise<Record<string, unknown[]>> {
  const sessions = await sql.query(
    `SELECT id, kind, address, user_agent, amr, created_at, last_seen_at, authenticated_at, expires_at, ended_at, end_reason
       FROM auth.sessions WHERE user_id = $1 ORDER BY id`,
    [userId],
  );
  const devices = await sql.query(
    'SELECT id, user_agent, created_at, last_used_at, expires_at, trusted_until FROM auth.devices WHERE user_id = $1 ORDER BY id',
    [userId],
  );
  const passkeys = await sql.query(
    'SELECT id, name, aaguid, transports, backed_up, created_at, last_used_at FROM auth.passkeys WHERE user_id = $1 ORDER BY id',
    [userId],
  );
  const identities = await sql.query(
    'SELECT id, provider, issuer, subject, email, created_at, last_used_at FROM auth.identities WHERE user_id = $1 ORDER BY id',
    [userId],
  );
  return { sessions, devices, passkeys, identities };
}

/**
 * The ways into the account that were added since a one-time value was made: passkeys, providers, an authenticator app,
 * codes by mail. How many there were.
 */
export async function removeWaysInSince(sql: Sql, userId: string, tokenId: string): Promise<number> {
  const since = '(SELECT created_at FROM auth.one_time_tokens WHERE id = $2)';
  const about = [userId, tokenId];
  const counts = [
    await sql.execute(`DELETE FROM auth.passkeys WHERE user_id = $1 AND created_at >= ${since}`, about),
    await sql.execute(`DELETE FROM auth.identities WHERE user_id = $1 AND created_at >= ${since}`, about),
    await sql.execute(`DELETE FROM auth.totp WHERE user_id = $1 AND created_at >= ${since}`, about),
    await sql.execute(
      `UPDATE auth.users SET mail_factor_at = NULL WHERE id = $1 AND mail_factor_at >= ${since}`,
      about,
    ),
  ];
  return counts.reduce((sum, count) => sum + count, 0);
}
