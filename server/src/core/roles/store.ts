import type { Sql } from '../../platform/db/index.ts';

export interface RoleRow {
  name: string;
  description: string;
  permissions: string[];
  built_in: boolean;
  created_at: Date;
  updated_at: Date;
}

const COLUMNS = 'name, description, permissions, built_in, created_at, updated_at';

export async function listRoles(sql: Sql, page: { after: string | null; limit: number }): Promise<RoleRow[]> {
  return sql.query<RoleRow>(
    `SELECT ${COLUMNS} FROM auth.roles WHERE $1::text IS NULL OR name > $1 ORDER BY name LIMIT $2`,
    [page.after, page.limit],
  );
}

export async function findRole(sql: Sql, name: string): Promise<RoleRow | undefined> {
  return (await sql.query<RoleRow>(`SELECT ${COLUMNS} FROM auth.roles WHERE name = $1`, [name]))[0];
}

export async function findRoles(sql: Sql, names: readonly string[]): Promise<RoleRow[]> {
  return sql.query<RoleRow>(`SELECT ${COLUMNS} FROM auth.roles WHERE name = ANY($1::text[])`, [[...names]]);
}

/** False where the name is taken. */
export async function insertRole(
  sql: Sql,
  role: Pick<RoleRow, 'name' | 'description' | 'permissions'>,
  now: Date,
): Promise<boolean> {
  const count = await sql.execute(
    `INSERT INTO auth.roles (name, description, permissions, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
     ON CONFLICT (name) DO NOTHING`,
    [role.name, role.description, role.permissions, now],
  );
  return count === 1;
}

/** `updated_at` always grows, by a millisecond at least: it is the version. */
export async function updateRole(
  sql: Sql,
  role: Pick<RoleRow, 'name' | 'description' | 'permissions'>,
  now: Date,
): Promise<RoleRow | undefined> {
  const rows = await sql.query<RoleRow>(
    `UPDATE auth.roles SET description = $2, permissions = $3,
        updated_at = greatest($4::timestamptz, date_trunc('milliseconds', updated_at) + interval '1 millisecond')
      WHERE name = $1 RETURNING ${COLUMNS}`,
    [role.name, role.description, role.permissions, now],
  );
  return rows[0];
}

export async function deleteRole(sql: Sql, name: string): Promise<boolean> {
  return (await sql.execute('DELETE FROM auth.roles WHERE name = $1 AND NOT built_in', [name])) === 1;
}

/** These roles and no others. */
export async function replaceRoles(sql: Sql, userId: string, roles: readonly string[]): Promise<void> {
  await sql.execute('DELETE FROM auth.user_roles WHERE user_id = $1 AND role <> ALL ($2::text[])', [
    userId,
    [...roles],
  ]);
  await sql.execute(
    'INSERT INTO auth.user_roles (user_id, role) SELECT $1::uuid, unnest($2::text[]) ON CONFLICT DO NOTHING',
    [userId, [...roles]],
  );
}

/** Names of the roles that hold nothing beyond `permissions`; all of them where `all`. */
export async function rolesWithin(sql: Sql, permissions: readonly string[], all: boolean): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(
    'SELECT name FROM auth.roles WHERE $2::boolean OR permissions <@ $1::text[]',
    [[...permissions], all],
  );
  return rows.map((row) => row.name);
}

/**
 * Ends what the holders of a role do as other users, which may rest on the rights that are about to change, and what
 * others do as them, which must not grow with those rights. The ids of the sessions.
 */
export async function endImpersonationsByRole(sql: Sql, role: string, now: Date): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `UPDATE auth.sessions SET ended_at = $2, end_reason = 'roles_changed'
      WHERE impersonator_id IS NOT NULL AND ended_at IS NULL
        AND (impersonator_id IN (SELECT user_id FROM auth.user_roles WHERE role = $1)
          OR user_id IN (SELECT user_id FROM auth.user_roles WHERE role = $1))
      RETURNING id`,
    [role, now],
  );
  return rows.map((row) => row.id);
}
