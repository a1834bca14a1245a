import type { Sql } from '../../platform/db/index.ts';

export interface TableShape {
  /** Quoted, with its schema. */
  readonly name: string;
  readonly columns: readonly string[];
  /** The primary key, as expressions that are ordered alike under every collation. */
  readonly order: readonly string[];
  /** Its types. */
  readonly key: readonly string[];
  /** The tables that its foreign keys lead to. */
  readonly after: readonly string[];
}

// What belongs to the database that it is in: transaction numbers, its own migrations, turns of jobs, request counts.
const LEFT_BEHIND = ['auth.changes', 'auth.migrations', 'auth.jobs', 'auth.request_counts'];

const TABLES = `SELECT format('%I.%I', n.nspname, c.relname) AS name,
    ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
    ARRAY(SELECT quote_ident(a.attname) || CASE WHEN a.atttypid = 'text'::regtype THEN ' COLLATE "C"' ELSE '' END
      FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place) AS "order",
    ARRAY(SELECT format_type(a.atttypid, NULL) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
      WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.place) AS key,
    ARRAY(SELECT DISTINCT format('%I.%I', fn.nspname, f.relname) FROM pg_constraint x
      JOIN pg_class f ON f.oid = x.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
      WHERE x.conrelid = c.oid AND x.contype = 'f' AND x.confrelid <> c.oid) AS after
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('auth', 'audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY 1`;

export async function readTables(sql: Sql): Promise<TableShape[]> {
  return (await sql.query<TableShape>(TABLES)).filter((table) => !LEFT_BEHIND.includes(table.name));
}

/** Rows print alike in every session that has said this. Nothing is cut off in the middle for being slow. */
export async function prepare(sql: Sql): Promise<void> {
  await sql.query(
    "SELECT set_config('timezone', 'UTC', true), set_config('idle_in_transaction_session_timeout', '0', true)",
  );
}

export interface Page {
  readonly rows: string[];
  readonly last: unknown[] | null;
}

/** Rows as the text of their JSON, by primary key. */
export async function readPage(sql: Sql, table: TableShape, after: unknown[] | null, limit: number): Promise<Page> {
  const bound =
    after === null
      ? ''
      : `WHERE (${table.order.join(', ')}) > (${table.key.map((type, place) => `$${place + 2}::text::${type}`).join(', ')})`;
  // The position comes back as text and is compared in the column's own type.
  const position = table.order.map((column) => `${column.replace(' COLLATE "C"', '')}::text`).join(', ');
  const found = await sql.query<{ row: string; position: string[] }>(
    `SELECT to_jsonb(t)::text AS row, ARRAY[${position}] AS position FROM ${table.name} t ${bound} ORDER BY ${table.order.join(', ')} LIMIT $1`,
    [limit, ...(after ?? [])],
  );
  return { rows: found.map((one) => one.row), last: found.at(-1)?.position ?? null };
}

export async function insertRows(sql: Sql, table: TableShape, rows: readonly string[]): Promise<number> {
  const columns = table.columns.join(', ');
  return sql.execute(
    `INSERT INTO ${table.name} (${columns}) SELECT ${columns} FROM jsonb_populate_recordset(null::${table.name}, $1::jsonb)`,
    [`[${rows.join(',')}]`],
  );
}

export async function isEmpty(sql: Sql, table: TableShape): Promise<boolean> {
  const rows = await sql.query<{ found: boolean }>(`SELECT EXISTS (SELECT FROM ${table.name}) AS found`);
  return rows[0]?.found === false;
}

/** What the migrations have put there comes with the data too. */
export async function dropBuiltInRoles(sql: Sql): Promise<void> {
  await sql.execute('DELETE FROM auth.roles');
}

/** The months of the lines, so that retention can drop them one by one. */
export async function ensureMonths(sql: Sql, since: Date): Promise<void> {
  await sql.query('SELECT audit.ensure_partitions($1, 24)', [since]);
}

export async function oldestLine(sql: Sql): Promise<Date | null> {
  return (await sql.query<{ at: Date | null }>('SELECT min(sealed_at) AS at FROM audit.events'))[0]?.at ?? null;
}
