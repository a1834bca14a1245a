import type { Sql } from '../../platform/db/index.ts';

/** A user as it is inserted, in the columns of the table. */
export interface UserInsert {
  id: string;
  email: string;
  email_verified_at: string | null;
  name: string | null;
  picture: string | null;
  locale: string | null;
  password_hash: string | null;
  password_changed_at: string | null;
  status: 'active' | 'disabled';
  created_at: string;
  updated_at: string;
  roles: readonly string[];
}

// Two of one file under one address, and an address or an id that is here already: the first stays, nothing is changed.
const INSERT = `WITH given AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS g (id uuid, email text, email_verified_at timestamptz, name text,
      picture text, locale text, password_hash text, password_changed_at timestamptz, status text,
      created_at timestamptz, updated_at timestamptz, roles jsonb)),
  added AS (
    INSERT INTO auth.users (id, email, email_verified_at, name, picture, locale, password_hash, password_changed_at,
        status, created_at, updated_at)
      SELECT id, email, email_verified_at, name, picture, locale, password_hash, password_changed_at,
        status, created_at, updated_at FROM given
      ON CONFLICT DO NOTHING RETURNING id, email)
SELECT id, email FROM added`;

export async function insertUsers(sql: Sql, users: readonly UserInsert[]): Promise<{ id: string; email: string }[]> {
  return sql.query<{ id: string; email: string }>(INSERT, [JSON.stringify(users)]);
}

export async function grantRoles(sql: Sql, grants: readonly { user_id: string; role: string }[]): Promise<void> {
  await sql.execute(
    `INSERT INTO auth.user_roles (user_id, role)
       SELECT user_id, role FROM jsonb_to_recordset($1::jsonb) AS g (user_id uuid, role text) ON CONFLICT DO NOTHING`,
    [JSON.stringify(grants)],
  );
}

/** Of these addresses, those that have an account. */
export async function presentEmails(sql: Sql, emails: readonly string[]): Promise<string[]> {
  const rows = await sql.query<{ email: string }>('SELECT email FROM auth.users WHERE email = ANY($1::text[])', [
    emails,
  ]);
  return rows.map((row) => row.email);
}

export async function roleNames(sql: Sql): Promise<string[]> {
  return (await sql.query<{ name: string }>('SELECT name FROM auth.roles')).map((row) => row.name);
}

export interface ExportedUser {
  id: string;
  email: string;
  email_verified_at: Date | null;
  name: string | null;
  picture: string | null;
  locale: string | null;
  status: 'active' | 'disabled';
  created_at: Date;
  password_hash: string | null;
  roles: string[];
}

const PAGE = `SELECT u.id, u.email, u.email_verified_at, u.name, u.picture, u.locale, u.status, u.created_at,
    CASE WHEN $3::boolean THEN u.password_hash END AS password_hash,
    ARRAY(SELECT ur.role FROM auth.user_roles ur WHERE ur.user_id = u.id ORDER BY ur.role) AS roles
  FROM auth.users u WHERE $1::uuid IS NULL OR u.id > $1 ORDER BY u.id LIMIT $2::integer`;

/** By id: whoever comes or goes meanwhile, nobody is met twice. */
export async function exportPage(
  sql: Sql,
  after: string | null,
  limit: number,
  withHashes: boolean,
): Promise<ExportedUser[]> {
  return sql.query<ExportedUser>(PAGE, [after, limit, withHashes]);
}
