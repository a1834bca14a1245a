import { chmodSync, mkdirSync } from 'node:fs';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Db, Tx } from './db.ts';
import { asRefusal } from './errors.ts';

function sqlOf(session: PGlite | Transaction): Omit<Tx, 'inTransaction'> {
  return {
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await session.query(text, [...values])).rows as Row[],
    execute: async (text, values = []) => (await session.query(text, [...values])).affectedRows ?? 0,
  };
}

export interface EmbeddedDb extends Db {
  /** The whole directory as a tar file, which `initial` takes. */
  dump(): Promise<Blob>;
}

/**
 * PostgreSQL inside this process. It has one connection: a statement on the outer handle while a transaction is open
 * waits for that transaction, so what receives a `Tx` must use nothing else. `directory` null keeps it in memory.
 */
export async function openEmbedded(directory: string | null, initial?: Blob): Promise<EmbeddedDb> {
  const { PGlite, types } = await import('@electric-sql/pglite');
  if (directory !== null) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
  }
  const lite = await PGlite.create({
    ...(directory === null ? {} : { dataDir: directory }),
    ...(initial === undefined ? {} : { loadDataDir: initial }),
    parsers: {
      [types.INT8]: Number,
      [types.BYTEA]: (text: string) => Buffer.from(text.slice(2), 'hex'),
      [types.DATE]: (text: string) => text,
    },
  });
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    if (lite.closed) throw asRefusal(new Error('the embedded database is closed'));
    return work();
  };
  const sql = sqlOf(lite);
  return {
    engine: 'embedded',
    query: (text, values) => guard(() => sql.query(text, values)) as Promise<never>,
    execute: (text, values) => guard(() => sql.execute(text, values)),
    transaction: (work) =>
      guard(() => lite.transaction((session) => work({ inTransaction: true, ...sqlOf(session) }))) as Promise<never>,
    script: (text) => guard(async () => void (await lite.exec(text))),
    stats: () => ({ total: 1, idle: 1, waiting: 0 }),
    close: () => lite.close(),
    dump: () => lite.dumpDataDir('none'),
  };
}
