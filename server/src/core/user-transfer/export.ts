import { csvCell } from '../../lib/csv.ts';
import type { Sql } from '../../platform/db/index.ts';
import { FIELDS } from './fields.ts';
import { type ExportedUser, exportPage } from './store.ts';

export interface ExportOptions {
  format: 'ndjson' | 'csv';
  /** Password hashes too: only for moving house. */
  withHashes?: boolean;
}

const PAGE = 1000;

/** Every user by id, in chunks of whole lines that an import takes: the memory that it takes does not grow. */
export async function* exportUsers(db: Sql, { format, withHashes = false }: ExportOptions): AsyncIterable<string> {
  const columns = FIELDS.filter((name) => name !== 'password' && (withHashes || name !== 'password_hash'));
  if (format === 'csv') yield `${columns.join(',')}\r\n`;
  for (let after: string | null = null; ; ) {
    const users: ExportedUser[] = await exportPage(db, after, PAGE, withHashes);
    const last = users.at(-1);
    if (last === undefined) return;
    yield users.map((user) => lineOf(user, columns, format)).join('');
    after = last.id;
  }
}

function lineOf(user: ExportedUser, columns: readonly string[], format: 'ndjson' | 'csv'): string {
  const fields: Record<string, string | boolean | string[] | null> = {
    id: user.id,
    email: user.email,
    email_verified: user.email_verified_at !== null,
    name: user.name,
    picture: user.picture,
    locale: user.locale,
    roles: user.roles,
    disabled: user.status === 'disabled',
    created_at: user.created_at.toISOString(),
    password_hash: user.password_hash,
  };
  if (format === 'ndjson') {
    const given = columns.map((name) => [name, fields[name]] as const).filter(([, value]) => value !== null);
    return `${JSON.stringify(Object.fromEntries(given))}\n`;
  }
  const cells = columns.map((name) => {
    const value = fields[name] ?? null;
    return csvCell(Array.isArray(value) ? value.join(' ') : value);
  });
  return `${cells.join(',')}\r\n`;
}
