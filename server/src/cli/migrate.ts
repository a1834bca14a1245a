import {
  migrate as apply,
  grantRights,
  pendingMigrations,
  readMigrations,
  unknownRoles,
} from '../platform/db/index.ts';
import { command, group, json } from './command.ts';
import { EXIT, Failure } from './failure.ts';
import { onGround } from './ground.ts';
import { note, print, printJson, tableText } from './output.ts';

const status = command({
  summary: 'Show which migrations the database has, and which are to come.',
  about: 'Exit code 1 where some are to come, so that a deployment can ask.',
  examples: ['auth-api migrate status', 'auth-api migrate status --json'],
  args: { json },
  run: ({ args }) =>
    onGround({ command: 'migrate status', anySchema: true }, async ({ db }) => {
      const pending = await pendingMigrations(db);
      const all = readMigrations().map(({ version, name }) => ({ version, name, applied: !pending.includes(version) }));
      if (args.json) printJson({ pending, migrations: all });
      else
        print(
          tableText(
            ['version', 'name', 'state'],
            all.map((one) => [String(one.version), one.name, one.applied ? 'applied' : 'to come']),
          ),
        );
      if (pending.length > 0) process.exitCode = EXIT.failed;
    }),
});

const up = command({
  summary: 'Apply what is to come, each migration in a transaction of its own.',
  about:
    'Safe while servers are running, and when several processes do it at once: they wait for each other. Where the owner\nof the schema migrates and another role serves, name that role: it is granted what it needs, each time anew.',
  examples: ['auth-api migrate up', 'auth-api migrate up --grant-app auth_app --grant-readonly auth_readonly'],
  args: {
    json,
    'grant-app': { type: 'string', description: 'The role that the servers sign in as.', valueHint: 'role' },
    'grant-readonly': { type: 'string', description: 'A role for reports: no secrets.', valueHint: 'role' },
  },
  run: ({ args }) =>
    onGround({ command: 'migrate up', anySchema: true, waits: true }, async ({ db, config, clock, isBorrowed }) => {
      const roles = { app: args['grant-app'], readonly: args['grant-readonly'] };
      const unknown = await unknownRoles(db, roles);
      if (unknown.length > 0) {
        throw new Failure(EXIT.config, `No such role in the database: ${unknown.join(', ')}. CREATE ROLE it first.`);
      }
      const pending = await pendingMigrations(db);
      if (isBorrowed && pending.length > 0) {
        throw new Failure(
          EXIT.unavailable,
          'A running server holds the embedded database. Stop it; it migrates when it starts.',
        );
      }
      if (pending.length > 0)
        note(`Applying ${pending.length === 1 ? 'one migration' : `${pending.length} migrations`} …`);
      const done = isBorrowed
        ? []
        : await apply(db, config.database.kind === 'postgres' ? config.database : null, clock);
      await grantRights(db, roles);
      const names = done.map(({ version, name }) => ({ version, name }));
      if (args.json) printJson({ applied: names });
      else
        print(
          names.length === 0
            ? 'Nothing to do: the schema is up to date.'
            : names.map((one) => `applied ${one.version} ${one.name}`).join('\n'),
        );
    }),
});

export const migrate = group('Show or apply the changes of the database schema.', {
  status: { summary: status.summary, load: async () => status },
  up: { summary: up.summary, load: async () => up },
});
