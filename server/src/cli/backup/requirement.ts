import { EXIT, Failure } from '../failure.ts';
import type { Ground } from '../ground.ts';

/** These commands are about dumps of PostgreSQL. */
export function requirePostgres({ config }: Ground): void {
  if (config.database.kind === 'postgres') return;
  throw new Failure(
    EXIT.config,
    'The database is the embedded one, of which there are no dumps. Stop the server and copy DATA_DIR as a whole; or move to PostgreSQL with `auth-api data move`.',
  );
}
