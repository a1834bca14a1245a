import { limitOf, type Sql } from '../../platform/db/index.ts';
import { USER_COLUMNS, type UserRow } from '../users/index.ts';

export interface UserFilter {
  status?: 'active' | 'disabled';
  verified?: boolean;
  role?: string;
}

export type UserOrder = '-created_at' | 'created_at' | 'email' | '-email';

/** Ids are made of the time of creation, so their order is its order; addresses are ordered as their index is. */
const orders: { readonly [O in UserOrder]: { after: (key: string) => string; by: string } } = {
  '-created_at': { after: (key) => `u.id < ${key}::uuid`, by: 'u.id DESC' },
  created_at: { after: (key) => `u.id > ${key}::uuid`, by: 'u.id' },
  email: { after: (key) => `u.email ~>~ ${key}`, by: 'u.email USING ~<~' },
  '-email': { after: (key) => `u.email ~<~ ${key}`, by: 'u.email USING ~>~' },
};

// Behind every text that begins with the prefix, in the byte order of the indexes.
const END = '\u{10FFFF}';

export async function listUsers(
  sql: Sql,
  filter: UserFilter,
  order: UserOrder,
  page: { after: string | null; limit: number },
): Promise<UserRow[]> {
  const { conditions, values, bind } = statement(filter);
  const { after, by } = orders[order];
  if (page.after !== null) conditions.push(after(bind(page.after)));
  return read(sql, conditions, values, by, page.limit);
}

/** Whose address begins with `prefix`, in the order of addresses. */
export async function listByEmail(
  sql: Sql,
  prefix: string,
  filter: UserFilter,
  page: { after: string | null; limit: number },
): Promise<UserRow[]> {
  const { conditions, values, bind } = statement(filter);
  conditions.push(`u.email ~>=~ ${bind(prefix)}`, `u.email ~<~ ${bind(prefix + END)}`);
  if (page.after !== null) conditions.push(`u.email ~>~ ${bind(page.after)}`);
  return read(sql, conditions, values, 'u.email USING ~<~', page.limit);
}

/** Whose name begins with `prefix`, and whose address does not: in the order of names. */
export async function listByName(
  sql: Sql,
  prefix: { name: string; email: string },
  filter: UserFilter,
  page: { after: { name: string; id: string } | null; limit: number },
): Promise<(UserRow & { sort_name: string })[]> {
  const { conditions, values, bind } = statement(filter);
  conditions.push(
    `lower(u.name) ~>=~ ${page.after === null ? `lower(${bind(prefix.name)})` : bind(page.after.name)}`,
    `lower(u.name) ~<~ (lower(${bind(prefix.name)}) || ${bind(END)})`,
    `NOT (u.email ~>=~ ${bind(prefix.email)} AND u.email ~<~ ${bind(prefix.email + END)})`,
  );
  if (page.after !== null) {
    conditions.push(`(lower(u.name) ~>~ ${bind(page.after.name)} OR u.id > ${bind(page.after.id)}::uuid)`);
  }
  return read(sql, conditions, values, 'lower(u.name) USING ~<~, u.id', page.limit, ', lower(u.name) AS sort_name');
}

interface Statement {
  conditions: string[];
  values: unknown[];
  bind(value: unknown): string;
}

// Status and verification stand as literals: only so does the planner know which of them are rare.
function statement({ status, verified, role }: UserFilter): Statement {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}${typeof value === 'string' ? '::text' : ''}`;
  const conditions: string[] = [];
  if (status !== undefined) conditions.push(status === 'disabled' ? "u.status = 'disabled'" : "u.status = 'active'");
  if (verified !== undefined) conditions.push(`u.email_verified_at IS ${verified ? 'NOT NULL' : 'NULL'}`);
  if (role !== undefined) {
    conditions.push(`EXISTS (SELECT FROM auth.user_roles f WHERE f.user_id = u.id AND f.role = ${bind(role)})`);
  }
  return { conditions, values, bind };
}

function read<Row extends UserRow>(
  sql: Sql,
  conditions: string[],
  values: unknown[],
  by: string,
  limit: number,
  more = '',
): Promise<Row[]> {
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`;
  return sql.query<Row>(
    `SELECT ${USER_COLUMNS}${more} FROM auth.users u ${where} ORDER BY ${by} ${limitOf(limit)}`,
    values,
  );
}
