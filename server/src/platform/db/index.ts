import { join } from 'node:path';
import type { Config } from '../../config/config.ts';
import type { Db } from './db.ts';
import { openEmbedded } from './embedded.ts';
import { connectToHolder, holdDirectory } from './holder.ts';
import { openPostgres } from './postgres.ts';

export type { Db, Sql, Tx } from './db.ts';
export { isUniqueViolation } from './db.ts';
export { openEmbedded } from './embedded.ts';
export { DirectoryHeld } from './holder.ts';
export { migrate, pendingMigrations, readMigrations } from './migrate.ts';

/**
 * Opens the configured database. `serve` holds the embedded directory for its whole life; `command` (the command line)
 * borrows it from the server that is running, and holds it only where none is.
 */
export async function openDatabase(
  config: Pick<Config, 'database' | 'DATA_DIR'>,
  purpose: 'serve' | 'command',
  onError: (error: Error) => void,
): Promise<Db> {
  if (config.database.kind === 'postgres') return openPostgres(config.database, onError);
  const running = purpose === 'command' ? await connectToHolder(config.DATA_DIR) : null;
  if (running !== null) return running;
  const holder = await holdDirectory(config.DATA_DIR);
  try {
    const db = await openEmbedded(join(config.database.directory));
    holder.serve(db);
    return { ...db, close: () => db.close().finally(() => holder.release()) };
  } catch (error) {
    await holder.release();
    throw error;
  }
}
