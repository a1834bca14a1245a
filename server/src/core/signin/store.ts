import type { Sql } from '../../platform/db/index.ts';
import type { EffectRows } from '../effects/index.ts';
import type { NewSession } from '../sessions/index.ts';

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

/** What a sign-in writes. */
export interface Completion {
  readonly userId: string;
  /** What the account was when it was decided that nothing more has to be proven. */
  readonly userVersion: number;
  readonly verifiedHash: string | null;
  /** The identity at a provider that must still be the account's. */
  readonly identityId: string | null;
  /** Known before, or met now: then with the hash of its token. */
  readonly device: { id: string; hash: Buffer | null; expiresAt: Date };
  readonly guardKeys: readonly Buffer[];
  readonly session: NewSession;
  readonly effects: EffectRows;
}

// One round trip instead of eight. The first part is what `touchLogin` is elsewhere: it locks the account and sees that
// it is what was decided about, without a second factor; all others hang on its row, and write nothing without it.
const COMPLETE = `WITH login AS (
    UPDATE auth.users u SET last_login_at = $2
     WHERE u.id = $1 AND u.status = 'active' AND u.version = $3 AND ($4::text IS NULL OR u.password_hash = $4)
       AND u.mail_factor_at IS NULL
       AND NOT EXISTS (SELECT FROM auth.totp t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL)
       AND NOT EXISTS (SELECT FROM auth.passkeys k WHERE k.user_id = u.id)
       AND ($6::bytea IS NOT NULL
         OR EXISTS (SELECT FROM auth.devices d WHERE d.id = $5 AND d.user_id = u.id AND d.expires_at > $2))
       AND ($18::uuid IS NULL OR EXISTS (SELECT FROM auth.identities i WHERE i.id = $18 AND i.user_id = u.id))
     RETURNING u.id),
  used AS (UPDATE auth.devices d SET last_used_at = $2, user_agent = $8 FROM login WHERE d.id = $5 AND $6::bytea IS NULL),
  met AS (INSERT INTO auth.devices (id, user_id, token_hash, user_agent, created_at, last_used_at, expires_at)
    SELECT $5::uuid, login.id, $6::bytea, $8, $2::timestamptz, $2::timestamptz, $7::timestamptz FROM login WHERE $6::bytea IS NOT NULL),
  cleared AS (UPDATE auth.guards g SET attempts = 0, consecutive = 0, windows = 0 FROM login
    WHERE g.key = ANY($9::bytea[]) AND g.attempts > 0),
  started AS (INSERT INTO auth.sessions (id, user_id, device_id, kind, secret_hash, rotated_at, authenticated_at, amr,
      address, user_agent, created_at, last_seen_at, expires_at, factor_at)
    SELECT $10::uuid, login.id, $5::uuid, $11::text, $12::bytea, $2::timestamptz, $2::timestamptz, $13::text[],
      $14::text, $8::text, $2::timestamptz, $2::timestamptz, $15::timestamptz,
      CASE WHEN 'mfa' = ANY($13::text[]) THEN $2::timestamptz END FROM login),
  audited AS (INSERT INTO audit.inbox
    SELECT r.* FROM login, jsonb_populate_recordset(null::audit.inbox, $16::jsonb) AS r),
  mailed AS (INSERT INTO auth.outbox
    SELECT r.* FROM login, jsonb_populate_recordset(null::auth.outbox, $17::jsonb) AS r)
  SELECT 1 FROM login`;

/** False where the account is not any more what was decided about, and nothing was written. */
export async function completeAlone(sql: Sql, { session, effects, device, ...c }: Completion): Promise<boolean> {
  const rows = await sql.query(COMPLETE, [
    c.userId,
    session.now,
    c.userVersion,
    c.verifiedHash,
    device.id,
    device.hash,
    device.expiresAt,
    session.userAgent,
    [...c.guardKeys],
    session.id,
    session.kind,
    session.secretHash,
    [...session.amr],
    session.address,
    session.expiresAt,
    effects.audit,
    effects.mail,
    c.identityId,
  ]);
  return rows.length === 1;
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
