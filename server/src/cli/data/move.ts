import type { PostgresDatabase } from '../../config/config.ts';
import { environment } from '../../config/environment.ts';
import { ConfigError } from '../../config/report.ts';
import { systemClock } from '../../platform/clock.ts';
import { migrate, openDatabase } from '../../platform/db/index.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { onGround } from '../ground.ts';
import { note, print, printJson, tableText } from '../output.ts';
import { readConfigOf } from '../start.ts';
import { readSecret } from '../users/secret.ts';
import { copyAll } from './copy.ts';

export const move = command({
  summary: 'Copy the embedded database into an empty PostgreSQL, verified row by row.',
  about:
    'Stop the server first. The copy is one transaction: it arrives whole or not at all, and the embedded database stays as\nit is. Afterwards set DATABASE_URL and keep the secrets: ENCRYPTION_KEY opens what was copied. DB_SSL_… hold for --to.',
  examples: ['auth-api data move --to=postgres://auth@db.example.com/auth', 'auth-api data move --to=- < url.txt'],
  args: {
    to: {
      type: 'string',
      description: 'The URL of the database; - reads it from standard input, where no process list shows it.',
      required: true,
      valueHint: 'url',
    },
    json,
  },
  async run({ args }) {
    const target = await targetOf(args.to === '-' ? await readSecret('URL: ') : args.to);
    await onGround({ command: 'data move' }, async ({ db, config, isBorrowed }) => {
      if (config.database.kind !== 'embedded')
        throw new Failure(
          EXIT.config,
          'The present database is PostgreSQL already: pg_dump moves it. This command moves the embedded one.',
        );
      if (isBorrowed)
        throw new Failure(
          EXIT.unavailable,
          'A running server holds the embedded database. Stop it first, so that nothing is written behind the copy.',
        );
      const to = await openDatabase({ database: target, DATA_DIR: config.DATA_DIR }, 'command', () => undefined);
      try {
        await migrate(to, target, systemClock);
        const moved = await copyAll(db, to, ({ table, rows }) => (args.json ? undefined : note(`${table}: ${rows}`)));
        if (args.json) return printJson({ tables: moved });
        print(
          tableText(
            ['table', 'rows', 'checksum'],
            moved.map((one) => [one.table, String(one.rows), one.checksum.slice(0, 16)]),
          ),
        );
        note('\nMoved and verified. Now set DATABASE_URL, and keep the secrets as they are:');
        note(`those that were made for development stand in ${config.DATA_DIR}/dev-secrets.json.`);
      } finally {
        await to.close();
      }
    });
  },
});

/** Read as DATABASE_URL is, with the same rules for TLS; what names the present database is left out. */
export async function targetOf(url: string, option = '--to'): Promise<PostgresDatabase> {
  const names = [
    'DATABASE_DIRECT_URL',
    'DATABASE_URL_FILE',
    'DATABASE_DIRECT_URL_FILE',
    'DB_HOST',
    'DB_PORT',
    'DB_NAME',
    'DB_USER',
    'DB_PASSWORD',
    'DB_PASSWORD_FILE',
  ];
  const env = { ...environment, ...Object.fromEntries(names.map((name) => [name, ''])), DATABASE_URL: url };
  const config = await readConfigOf(env).then(
    (read) => read.config,
    (error: unknown) => {
      const fault = error instanceof ConfigError ? error.faults.find((one) => one.name === 'DATABASE_URL') : undefined;
      throw fault === undefined
        ? error
        : new Failure(EXIT.usage, `${option} ${fault.problem}. Expected: ${fault.expected}.`);
    },
  );
  if (config.database.kind === 'postgres') return config.database;
  throw new Failure(EXIT.usage, `${option} takes the URL of a PostgreSQL database: postgres://user@host/name.`);
}
