import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import type { Db } from './db.ts';
import { openEmbedded } from './embedded.ts';
import { isNotThereYet } from './errors.ts';
import { connectToHolder, holdDirectory } from './holder.ts';
import { openPostgres, PATIENT_CONNECT_TIMEOUT_MS } from './postgres.ts';

export type { Db, Sql, Tx } from './db.ts';
export { isUniqueViolation, limitOf } from './db.ts';
export { openEmbedded } from './embedded.ts';
export { grantRights, unknownRoles } from './grants.ts';
export { migrate, pendingMigrations, readMigrations } from './migrate.ts';

/**
 * Opens the configured database. `serve` holds the embedded directory for its whole life; `command` (the command line)
 * borrows it from the server that is running, and holds it only where none is. `serve` and `migration` wait for a
 * database that is starting beside them.
 */
export async function openDatabase(
  config: Pick<Config, 'database' | 'DATA_DIR'>,
  purpose: 'serve' | 'command' | 'migration',
  onError: (error: Error) => void,
): Promise<Db> {
  if (config.database.kind === 'postgres') {
    // Nobody waits behind a command: a busy machine gets its time.
    const db = openPostgres(config.database, onError, purpose === 'serve' ? undefined : PATIENT_CONNECT_TIMEOUT_MS);
    if (purpose !== 'command') await untilItAnswers(db);
    return db;
  }
  const running = purpose !== 'serve' ? await connectToHolder(config.DATA_DIR) : null;
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

const START_TRIES = 10;
const START_PAUSE_MS = 500;

// Services that start together: the database may be some seconds behind. A wrong password or name is not waited for.
async function untilItAnswers(db: Db): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await db.query('SELECT 1');
      return;
    } catch (error) {
      if (tries < START_TRIES && isNotThereYet(error)) await sleep(START_PAUSE_MS);
      else {
        await db.close();
        throw error;
      }
    }
  }
}

/**
 * A connection of its own for what must not wait behind requests: the change feed. It goes past a pooler where there is
 * one. The embedded database has but one connection, so there it is the same handle.
 */
export function openBeside(db: Db, config: Pick<Config, 'database'>, onError: (error: Error) => void): Db {
  if (config.database.kind === 'embedded') return { ...db, close: async () => undefined };
  const { direct } = config.database;
  const settings = { ...config.database, connection: direct, direct, poolMin: 0, poolMax: 1 };
  return openPostgres(settings, onError, PATIENT_CONNECT_TIMEOUT_MS);
}
