import { USER_COLUMNS, type UserRow } from '../../core/users/index.ts';
import type { Sql } from '../../platform/db/index.ts';

export interface LoginRow extends UserRow {
  password_hash: string | null;
}

/** The one reading that takes the password hash along. */
export async function findForLogin(sql: Sql, email: string): Promise<LoginRow | undefined> {
  const rows = await sql.query<LoginRow>(
    `SELECT u.password_hash, ${USER_COLUMNS} FROM auth.users u WHERE u.email = $1`,
    [email],
  );
  return rows[0];
}
