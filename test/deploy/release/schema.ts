import type { RowContext } from '../row.ts';
import { scene } from './scene.ts';

async function inDatabase(t: RowContext, text: string): Promise<string> {
  const { compose } = await scene(t);
  const { stdout } = await compose('exec -T postgres psql -U postgres -d auth_db -v ON_ERROR_STOP=1 -Atq', {
    stdin: text,
  });
  return stdout.trim();
}

export function column(t: RowContext, name: string): Promise<string> {
  return inDatabase(
    t,
    `SELECT count(*) FROM information_schema.columns WHERE table_schema = 'auth' AND table_name = 'users' AND column_name = '${name}'`,
  );
}

/** The areas that come after find the schema of the image again. */
export async function undoMigration(t: RowContext): Promise<void> {
  await inDatabase(
    t,
    'ALTER TABLE auth.users DROP COLUMN IF EXISTS release_test; DELETE FROM auth.migrations WHERE version = 9999',
  );
}
