import type { Sql } from '../../platform/db/index.ts';
import { USER_COLUMNS, type UserRow } from '../users/index.ts';

export interface SessionRow extends UserRow {
  session_id: string;
  kind: 'token' | 'cookie';
  device_id: string | null;
  secret_hash: Buffer;
  generation: number;
  rotated_at: Date;
  authenticated_at: Date;
  factor_at: Date | null;
  amr: string[];
  session_created_at: Date;
  expires_at: Date;
  ended_at: Date | null;
  end_reason: string | null;
  impersonator_id: string | null;
}

const SESSION_COLUMNS = `s.id AS session_id, s.kind, s.device_id, s.secret_hash, s.generation, s.rotated_at,
  s.authenticated_at, s.factor_at, s.amr, s.created_at AS session_created_at, s.expires_at, s.ended_at, s.end_reason, s.impersonator_id`;

const FIND = `SELECT ${SESSION_COLUMNS}, ${USER_COLUMNS}
  FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id WHERE s.id = $1`;

export async function findSession(sql: Sql, id: string): Promise<SessionRow | undefined> {
  return (await sql.query<SessionRow>(FIND, [id]))[0];
}

export interface NewSession {
  id: string;
  userId: string;
  deviceId: string | null;
  kind: 'token' | 'cookie';
  secretHash: Buffer;
  amr: readonly string[];
  address: string;
  userAgent: string;
  now: Date;
  expiresAt: Date;
  impersonatorId: string | null;
}

/**
 * The caller has locked the user's row in this transaction (`touchLogin`, `setPassword`, …) and knows it to be active;
 * so a session never appears beside a disabling, a reset or a sign-out of all that runs at the same time.
 */
export async function insertSession(sql: Sql, s: NewSession): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.sessions (id, user_id, device_id, kind, secret_hash, rotated_at, authenticated_at, amr, address,
        user_agent, created_at, last_seen_at, expires_at, impersonator_id, factor_at)
     VALUES ($1, $2, $3, $4, $5, $9, $9, $6, $7, $8, $9, $9, $10, $11, CASE WHEN 'mfa' = ANY($6::text[]) THEN $9::timestamptz END)`,
    [
      s.id,
      s.userId,
      s.deviceId,
      s.kind,
      s.secretHash,
      [...s.amr],
      s.address,
      s.userAgent,
      s.now,
      s.expiresAt,
      s.impersonatorId,
    ],
  );
}

/** One rotation: wins only as the direct successor of what the session is at now. */
const ROTATE = `UPDATE auth.sessions s SET generation = s.generation + 1, rotated_at = $4, last_seen_at = $4
  FROM auth.users u
  WHERE s.id = $1 AND s.generation = $2 AND s.secret_hash = $3 AND s.kind = 'token' AND s.ended_at IS NULL
    AND s.expires_at > $4 AND s.rotated_at > $5 AND u.id = s.user_id AND u.status = 'active'
  RETURNING ${SESSION_COLUMNS}, ${USER_COLUMNS}`;

export async function rotate(
  sql: Sql,
  id: string,
  generation: number,
  secretHash: Buffer,
  now: Date,
  idleSince: Date,
): Promise<SessionRow | undefined> {
  return (await sql.query<SessionRow>(ROTATE, [id, generation, secretHash, now, idleSince]))[0];
}

/** A rotation of a session that is remembered: it wins only while the session and its user are what is remembered. */
export interface KnownRotation {
  readonly id: string;
  readonly generation: number;
  readonly secretHash: Buffer;
  readonly authenticatedAt: number;
  readonly userVersion: number;
  readonly roles: readonly string[];
}

// A row that somebody else holds is passed over, and tried alone: nobody waits for another's session, and no two of
// these can wait for each other. Each session is looked up by its id, and its user by theirs: joined freely, a small
// table of users is a temptation to begin with everybody of that version.
const ROTATE_KNOWN = `WITH free AS (
    SELECT found.place FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::float8[], $5::int[], $6::text[])
        AS a (id, generation, secret_hash, authenticated_at, user_version, roles),
      LATERAL (SELECT s.ctid AS place FROM auth.sessions s
         WHERE s.id = a.id AND s.generation = a.generation AND s.secret_hash = a.secret_hash
           AND s.kind = 'token' AND s.ended_at IS NULL AND s.expires_at > $7 AND s.rotated_at > $8
           AND s.authenticated_at = to_timestamp(a.authenticated_at / 1000)
           AND (SELECT u.version = a.user_version AND u.status = 'active' AND a.roles = array_to_string(
                  ARRAY(SELECT ur.role FROM auth.user_roles ur WHERE ur.user_id = u.id ORDER BY ur.role), ',')
                FROM auth.users u WHERE u.id = s.user_id)
         FOR UPDATE SKIP LOCKED) AS found)
  UPDATE auth.sessions s SET generation = s.generation + 1, rotated_at = $7, last_seen_at = $7
    FROM free WHERE s.ctid = free.place
  RETURNING s.id`;

/** Which of them won. No session may be named twice. */
export async function rotateKnown(
  sql: Sql,
  asked: readonly KnownRotation[],
  now: Date,
  idleSince: Date,
): Promise<boolean[]> {
  const rows = await sql.query<{ id: string }>(ROTATE_KNOWN, [
    asked.map((one) => one.id),
    asked.map((one) => one.generation),
    asked.map((one) => one.secretHash),
    asked.map((one) => one.authenticatedAt),
    asked.map((one) => one.userVersion),
    asked.map((one) => one.roles.join(',')),
    now,
    idleSince,
  ]);
  const won = new Set(rows.map((row) => row.id));
  return asked.map((one) => won.has(one.id));
}

export interface EndScope {
  userId: string;
  only?: string;
  except?: string;
}

/** Ends what is still alive in the scope; the ids of what this call ended. */
export async function endSessions(sql: Sql, scope: EndScope, reason: string, now: Date): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `UPDATE auth.sessions SET ended_at = $4, end_reason = $5
      WHERE user_id = $1 AND ended_at IS NULL AND ($2::uuid IS NULL OR id = $2) AND ($3::uuid IS NULL OR id <> $3)
      RETURNING id`,
    [scope.userId, scope.only ?? null, scope.except ?? null, now, reason],
  );
  return rows.map((row) => row.id);
}

/**
 * Ends what is going on between the user and others: what they do as others, and what others do as them. The ids of
 * what this call ended.
 */
export async function endImpersonations(
  sql: Sql,
  userId: string,
  now: Date,
  reason = 'impersonation_ended',
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `UPDATE auth.sessions SET ended_at = $2, end_reason = $3
      WHERE (impersonator_id = $1 OR user_id = $1) AND impersonator_id IS NOT NULL AND ended_at IS NULL
      RETURNING id`,
    [userId, now, reason],
  );
  return rows.map((row) => row.id);
}

/** A cookie session was used: its idle lifetime starts again. */
export async function touch(sql: Sql, id: string, now: Date): Promise<void> {
  await sql.execute(
    `UPDATE auth.sessions SET rotated_at = $2, last_seen_at = $2 WHERE id = $1 AND ended_at IS NULL AND rotated_at < $2`,
    [id, now],
  );
}

/** Authentication was renewed, by a second factor if `amr` has got `mfa` now; a cookie session gets a new secret with it (SES-02). */
export async function renew(
  sql: Sql,
  id: string,
  proof: { amr: readonly string[]; hasFactor: boolean },
  now: Date,
  secretHash: Buffer | null,
): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.sessions SET authenticated_at = $2, amr = $3, secret_hash = coalesce($4, secret_hash),
        factor_at = CASE WHEN $5 THEN $2 ELSE factor_at END
      WHERE id = $1 AND ended_at IS NULL`,
    [id, now, [...proof.amr], secretHash, proof.hasFactor],
  );
  return count === 1;
}

export interface SessionListRow {
  id: string;
  kind: 'token' | 'cookie';
  address: string;
  user_agent: string;
  amr: string[];
  created_at: Date;
  last_seen_at: Date;
  authenticated_at: Date;
  expires_at: Date;
}

/** The user's live sessions, newest first, below `before`. */
export async function listSessions(
  sql: Sql,
  userId: string,
  now: Date,
  idleSince: Date,
  page: { limit: number; before: string | null },
): Promise<SessionListRow[]> {
  return sql.query<SessionListRow>(
    `SELECT id, kind, address, user_agent, amr, created_at, last_seen_at, authenticated_at, expires_at
       FROM auth.sessions
      WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 AND rotated_at > $3 AND ($4::uuid IS NULL OR id < $4)
      ORDER BY id DESC LIMIT $5`,
    [userId, now, idleSince, page.before, page.limit],
  );
}

/** Sessions that ended or expired a while ago: kept only to answer `session_revoked` rather than `invalid`. */
export async function deleteOldSessions(sql: Sql, before: Date): Promise<number> {
  return sql.execute(
    `DELETE FROM auth.sessions WHERE id IN
       (SELECT id FROM auth.sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)`,
    [before],
  );
}
