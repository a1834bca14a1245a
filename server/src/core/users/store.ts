import type { Sql } from '../../platform/db/index.ts';

/** A user as stored, with the roles and permissions that hold now. */
export interface UserRow {
  id: string;
  email: string;
  email_verified_at: Date | null;
  name: string | null;
  picture: string | null;
  locale: string | null;
  has_password: boolean;
  password_changed_at: Date | null;
  status: 'active' | 'disabled';
  version: number;
  created_at: Date;
  updated_at: Date;
  last_login_at: Date | null;
  has_totp: boolean;
  has_mail_factor: boolean;
  passkeys: number;
  recovery_codes_left: number;
  factor_due_at: Date | null;
  roles: string[];
  permissions: string[];
}

/** The columns of a UserRow, for statements that read `auth.users u`. Never the password hash. */
export const USER_COLUMNS = `u.id, u.email, u.email_verified_at, u.name, u.picture, u.locale,
  u.password_hash IS NOT NULL AS has_password, u.password_changed_at, u.status, u.version,
  u.created_at, u.updated_at, u.last_login_at, u.mail_factor_at IS NOT NULL AS has_mail_factor, u.factor_due_at,
  EXISTS (SELECT 1 FROM auth.totp t WHERE t.user_id = u.id AND t.confirmed_at IS NOT NULL) AS has_totp,
  (SELECT count(*)::int FROM auth.passkeys k WHERE k.user_id = u.id) AS passkeys,
  (SELECT count(*)::int FROM auth.recovery_codes c WHERE c.user_id = u.id AND c.used_at IS NULL) AS recovery_codes_left,
  ARRAY(SELECT ur.role FROM auth.user_roles ur WHERE ur.user_id = u.id ORDER BY ur.role) AS roles,
  ARRAY(SELECT DISTINCT p FROM auth.user_roles ur JOIN auth.roles r ON r.name = ur.role, unnest(r.permissions) AS p
         WHERE ur.user_id = u.id ORDER BY p) AS permissions`;

export async function findUser(sql: Sql, id: string): Promise<UserRow | undefined> {
  const rows = await sql.query<UserRow>(`SELECT ${USER_COLUMNS} FROM auth.users u WHERE u.id = $1`, [id]);
  return rows[0];
}

export async function findUserByEmail(sql: Sql, email: string): Promise<UserRow | undefined> {
  const rows = await sql.query<UserRow>(`SELECT ${USER_COLUMNS} FROM auth.users u WHERE u.email = $1`, [email]);
  return rows[0];
}

export async function findPasswordHash(sql: Sql, id: string): Promise<string | null> {
  const rows = await sql.query<{ password_hash: string | null }>('SELECT password_hash FROM auth.users WHERE id = $1', [
    id,
  ]);
  return rows[0]?.password_hash ?? null;
}

export interface NewUser {
  id: string;
  email: string;
  name: string | null;
  passwordHash: string | null;
  verifiedAt: Date | null;
  createdAt: Date;
  locale?: string | null;
}

const INSERT = `INSERT INTO auth.users AS u
    (id, email, name, password_hash, password_changed_at, email_verified_at, locale, created_at, updated_at)
  VALUES ($1, $2, $3, $4::text, CASE WHEN $4::text IS NULL THEN NULL ELSE $6::timestamptz END, $5, $7, $6, $6)
  ON CONFLICT (email) DO NOTHING`;
const INSERT_OR_FIND = `WITH added AS (${INSERT} RETURNING ${USER_COLUMNS})
  SELECT added.*, true AS is_new FROM added UNION ALL
  SELECT ${USER_COLUMNS}, false AS is_new FROM auth.users u WHERE u.email = $2 AND NOT EXISTS (SELECT FROM added)`;

function valuesOf(user: NewUser): unknown[] {
  return [user.id, user.email, user.name, user.passwordHash, user.verifiedAt, user.createdAt, user.locale ?? null];
}

/** False where the address is taken. */
export async function insertUser(sql: Sql, user: NewUser): Promise<boolean> {
  return (await sql.execute(INSERT, valuesOf(user))) === 1;
}

/** The new user, or whoever has the address; undefined where that one came or went at this very moment. */
export async function insertOrFindUser(sql: Sql, user: NewUser): Promise<(UserRow & { is_new: boolean }) | undefined> {
  return (await sql.query<UserRow & { is_new: boolean }>(INSERT_OR_FIND, valuesOf(user)))[0];
}

export interface Profile {
  name?: string | null;
  picture?: string | null;
  locale?: string | null;
}

/** Changes what is given and leaves the rest; with `version`, only that version. The new row, or undefined. */
export async function updateProfile(
  sql: Sql,
  id: string,
  profile: Profile,
  now: Date,
  version: number | null = null,
): Promise<UserRow | undefined> {
  const rows = await sql.query<UserRow>(
    `UPDATE auth.users u SET
        name = CASE WHEN $2 THEN $3 ELSE name END,
        picture = CASE WHEN $4 THEN $5 ELSE picture END,
        locale = CASE WHEN $6 THEN $7 ELSE locale END,
        version = version + 1, updated_at = $8
      WHERE u.id = $1 AND ($9::int IS NULL OR u.version = $9)
      RETURNING ${USER_COLUMNS}`,
    [
      id,
      profile.name !== undefined,
      profile.name ?? null,
      profile.picture !== undefined,
      profile.picture ?? null,
      profile.locale !== undefined,
      profile.locale ?? null,
      now,
      version,
    ],
  );
  return rows[0];
}

/** Sets the password; what stood before no longer counts. */
export async function setPassword(sql: Sql, id: string, hash: string, now: Date): Promise<void> {
  await sql.execute(
    `UPDATE auth.users SET password_hash = $2, password_changed_at = $3, version = version + 1, updated_at = $3 WHERE id = $1`,
    [id, hash, now],
  );
}

/** The same password under better parameters: only if it is still the one that was verified. */
export async function replaceHash(sql: Sql, id: string, from: string, to: string): Promise<boolean> {
  return (
    (await sql.execute('UPDATE auth.users SET password_hash = $3 WHERE id = $1 AND password_hash = $2', [
      id,
      from,
      to,
    ])) === 1
  );
}

export async function markVerified(sql: Sql, id: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.users SET email_verified_at = $2, version = version + 1, updated_at = $2
      WHERE id = $1 AND email_verified_at IS NULL`,
    [id, now],
  );
  return count === 1;
}

/** Throws the unique violation of `idx_users_email` where another account has the address by now. */
export async function setEmail(sql: Sql, id: string, from: string, to: string, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.users SET email = $3, email_verified_at = $4, version = version + 1, updated_at = $4
      WHERE id = $1 AND email = $2`,
    [id, from, to, now],
  );
  return count === 1;
}

export async function deleteUser(sql: Sql, id: string): Promise<boolean> {
  return (await sql.execute('DELETE FROM auth.users WHERE id = $1', [id])) === 1;
}

export async function grantRole(sql: Sql, id: string, role: string): Promise<void> {
  await sql.execute('INSERT INTO auth.user_roles (user_id, role) VALUES ($1, $2) ON CONFLICT DO NOTHING', [id, role]);
}

/** Serialises whatever may add or take away an administrator, for the length of the transaction. */
export async function lockAdministrators(sql: Sql): Promise<void> {
  await sql.query("SELECT 1 FROM auth.roles WHERE name = 'admin' FOR UPDATE");
}

export async function countAdministrators(sql: Sql): Promise<number> {
  const rows = await sql.query<{ count: number }>(
    `SELECT count(*) AS count FROM auth.user_roles ur JOIN auth.users u ON u.id = ur.user_id
      WHERE ur.role = 'admin' AND u.status = 'active'`,
  );
  return rows[0]?.count ?? 0;
}

/**
 * Locks the user's row and notes the sign-in. False where the account is not active any more, or its password is no
 * longer the one that was verified: a reset that ran meanwhile wins.
 */
export async function touchLogin(sql: Sql, id: string, verifiedHash: string | null, now: Date): Promise<boolean> {
  const count = await sql.execute(
    `UPDATE auth.users SET last_login_at = $2
      WHERE id = $1 AND status = 'active' AND ($3::text IS NULL OR password_hash = $3)`,
    [id, now, verifiedHash],
  );
  return count === 1;
}

/** Locks the user's row for a change of what hangs on it. False where there is no such user. */
export async function lockUser(sql: Sql, id: string): Promise<boolean> {
  return (await sql.query('SELECT 1 FROM auth.users WHERE id = $1 FOR NO KEY UPDATE', [id])).length === 1;
}
