/**
 * One way to speak to both engines (PostgreSQL through `pg`, the embedded one through PGlite). SQL texts are constants
 * in `store.ts` files; values always travel as parameters. Types that both engines agree on: text, uuid (string),
 * int4/int8 (number), boolean, timestamptz (Date), bytea (Buffer), text[] (string[]), jsonb (parsed).
 * Pass JSON as `JSON.stringify(value)` with `$n::jsonb`.
 */
export interface Sql {
  /** The rows of one statement. */
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The number of rows that one statement changed. */
  execute(text: string, values?: readonly unknown[]): Promise<number>;
}

/** What receives a `Tx` uses nothing else for data, and neither hashes, mails nor calls out while it has it. */
export interface Tx extends Sql {
  readonly inTransaction: true;
}

export interface Db extends Sql {
  readonly engine: 'postgres' | 'embedded';
  /** Runs `work` in one transaction: committed when it returns, rolled back when it throws. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Several statements in one text, without parameters (migrations, the kit). */
  script(text: string): Promise<void>;
  stats(): { total: number; idle: number; waiting: number };
  close(): Promise<void>;
}

/**
 * A row count for a statement's text. As a parameter it is unknown to the planner, which then expects a tenth of the
 * table and plans every search of a large one anew; what it is told, it plans once.
 */
export function limitOf(rows: number): string {
  if (!Number.isSafeInteger(rows) || rows < 0) throw new Error(`${rows} is no number of rows`);
  return `LIMIT ${rows}`;
}

/** True for PostgreSQL's unique violation of `constraint` (of any, where none is named). */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const e = error as { code?: string; constraint?: string } | null;
  return e?.code === '23505' && (constraint === undefined || e.constraint === constraint);
}
