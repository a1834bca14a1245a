import { sha256 } from '../../lib/bytes.ts';
import type { Db, Sql } from '../../platform/db/index.ts';
import { EXIT, Failure } from '../failure.ts';
import {
  dropBuiltInRoles,
  ensureMonths,
  insertRows,
  isEmpty,
  oldestLine,
  prepare,
  readPage,
  readTables,
  type TableShape,
} from './store.ts';

export interface Moved {
  readonly table: string;
  readonly rows: number;
  /** Of all rows, whatever their order: the sum of their SHA-256 values. */
  readonly checksum: string;
}

const PAGE = 500;
const MODULUS = 1n << 256n;

/**
 * Every table from one database into an empty one, in one transaction: whatever goes wrong, nothing has happened. Before
 * it is committed each table is read back and compared, by count and by checksum.
 */
export async function copyAll(from: Db, to: Db, onTable: (moved: Moved) => void): Promise<Moved[]> {
  return to.transaction((target) =>
    from.transaction(async (source) => {
      await prepare(target);
      await prepare(source);
      const tables = inOrder(await readTables(source));
      await requireEmpty(target, tables);
      await dropBuiltInRoles(target);
      const oldest = await oldestLine(source);
      if (oldest !== null) await ensureMonths(target, oldest);
      const moved: Moved[] = [];
      for (const table of tables) {
        const sent = await walk(source, table, (rows) => insertRows(target, table, rows));
        const kept = await walk(target, table, async () => 0);
        if (sent.rows !== kept.rows || sent.checksum !== kept.checksum) {
          throw new Failure(
            EXIT.failed,
            `${table.name} did not arrive as it was (${sent.rows} rows sent, ${kept.rows} kept); nothing was moved.`,
          );
        }
        moved.push(sent);
        onTable(sent);
      }
      return moved;
    }),
  );
}

async function walk(sql: Sql, table: TableShape, take: (rows: string[]) => Promise<number>): Promise<Moved> {
  let rows = 0;
  let sum = 0n;
  for (let after: unknown[] | null = null; ; ) {
    const page: Awaited<ReturnType<typeof readPage>> = await readPage(sql, table, after, PAGE);
    if (page.last === null) return { table: table.name, rows, checksum: sum.toString(16).padStart(64, '0') };
    await take(page.rows);
    rows += page.rows.length;
    for (const row of page.rows) sum = (sum + BigInt(`0x${sha256(row).toString('hex')}`)) % MODULUS;
    after = page.last;
  }
}

async function requireEmpty(target: Sql, tables: readonly TableShape[]): Promise<void> {
  for (const table of tables) {
    if (table.name === 'auth.roles' || (await isEmpty(target, table))) continue;
    throw new Failure(
      EXIT.failed,
      `The database is not empty: ${table.name} has rows. Make a new one; nothing was moved.`,
    );
  }
}

/** Those that are pointed at come first. */
function inOrder(tables: readonly TableShape[]): TableShape[] {
  const sorted: TableShape[] = [];
  const rest = new Set(tables);
  const names = new Set(tables.map((table) => table.name));
  while (rest.size > 0) {
    const ready = [...rest].filter((table) =>
      table.after.every((name) => !names.has(name) || sorted.some((one) => one.name === name)),
    );
    if (ready.length === 0) throw new Error('the tables point at each other in a circle');
    for (const table of ready) {
      sorted.push(table);
      rest.delete(table);
    }
  }
  return sorted;
}
