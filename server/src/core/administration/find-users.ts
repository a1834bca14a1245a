import { Refusal } from '../../lib/refusal.ts';
import type { Sql } from '../../platform/db/index.ts';
import type { UserRow } from '../users/index.ts';
import { fromCursor, toCursor } from './cursor.ts';
import { listByEmail, listByName, listUsers, type UserFilter, type UserOrder } from './search-store.ts';

export interface UserSearch extends UserFilter {
  /** The beginning of an address or of a name. */
  query?: string;
  sort?: UserOrder;
  limit?: number;
  cursor?: string;
}

export interface UserPage {
  rows: UserRow[];
  nextCursor: string | null;
}

/**
 * Every page is read from an index, from where the page before ended. A search gives first those whose address begins
 * with the text, by address, then those whose name does, by name.
 */
export async function findUsers(sql: Sql, search: UserSearch): Promise<UserPage> {
  const { query, sort, limit = 25, cursor, ...filter } = search;
  if (query !== undefined && sort !== undefined) {
    const message = 'does not go with a query, which has an order of its own';
    throw new Refusal('validation_failed', { errors: [{ field: 'sort', code: 'conflict', message }] });
  }
  const list = JSON.stringify(['users', query ?? null, sort ?? null, filter.status, filter.verified, filter.role]);
  const position = cursor === undefined ? null : fromCursor(list, cursor);
  const found =
    query === undefined
      ? await ordered(sql, filter, sort ?? '-created_at', position, limit + 1)
      : await matching(sql, query, filter, position, limit + 1);
  const last = found[limit - 1];
  const isMore = found.length > limit && last !== undefined;
  return {
    rows: found.slice(0, limit).map(({ row }) => row),
    nextCursor: isMore ? toCursor(list, last.position) : null,
  };
}

interface Found {
  row: UserRow;
  position: string[];
}

async function ordered(
  sql: Sql,
  filter: UserFilter,
  order: UserOrder,
  position: string[] | null,
  limit: number,
): Promise<Found[]> {
  const rows = await listUsers(sql, filter, order, { after: position?.[0] ?? null, limit });
  return rows.map((row) => ({ row, position: [order.endsWith('email') ? row.email : row.id] }));
}

async function matching(
  sql: Sql,
  query: string,
  filter: UserFilter,
  position: string[] | null,
  limit: number,
): Promise<Found[]> {
  const email = query.normalize('NFKC').toLowerCase();
  const name = query.normalize('NFC');
  const [stage, key, id] = position ?? ['email'];
  const found: Found[] = [];
  if (stage === 'email') {
    const rows = await listByEmail(sql, email, filter, { after: key ?? null, limit });
    found.push(...rows.map((row) => ({ row, position: ['email', row.email] })));
  }
  if (found.length < limit) {
    const after = stage === 'name' && key !== undefined && id !== undefined ? { name: key, id } : null;
    const rows = await listByName(sql, { name, email }, filter, { after, limit: limit - found.length });
    found.push(...rows.map((row) => ({ row, position: ['name', row.sort_name, row.id] })));
  }
  return found;
}
