import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../row.ts';
import { ensureStores, type Stores } from '../stores.ts';
import { ask, tour } from './tour.ts';

const MIGRATE = 'run --rm --no-deps -T';
/** Notes who changes the schema from now on: whose session it is. */
const WATCH_DDL = `
  CREATE TABLE public.ddl (who text, tag text);
  CREATE FUNCTION public.note_ddl() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN INSERT INTO public.ddl VALUES (session_user, tg_tag); END $$;
  CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION public.note_ddl();`;
/** The server's own hourly work, once, now, as the role it serves as. */
const HOUSEKEEPING = `
  const from = (path) => import('/app/server/src/' + path);
  const { readConfig } = await from('cli/start.ts');
  const { createLog } = await from('platform/log.ts');
  const { createApp } = await from('app.ts');
  const { housekeeping } = await from('core/housekeeping/index.ts');
  const { config } = await readConfig();
  const { log } = createLog({ config });
  const app = await createApp(config, { log });
  await housekeeping(app.house).run();
  console.log('swept');
  await app.close();`;

/** One SQLSTATE for each statement: 00000 where it was allowed. */
async function states(
  { sql }: Stores,
  role: 'auth_app' | 'auth_readonly' | 'auth_monitor' | 'auth_owner',
  statements: readonly string[],
): Promise<string[]> {
  const text = statements.map((one) => `${one} \\g /dev/null\n\\echo :SQLSTATE`).join('\n');
  return sql(role, `\\set ON_ERROR_STOP off\n${text}`);
}

async function allRefused(
  stores: Stores,
  role: 'auth_app' | 'auth_readonly' | 'auth_monitor' | 'auth_owner',
  statements: readonly string[],
): Promise<void> {
  const given = await states(stores, role, statements);
  const allowed = statements.filter((_, index) => !['42501', '25006'].includes(given[index] ?? ''));
  assert.deepEqual(allowed, [], `${role} may do this, or it failed for another reason: ${given}`);
}

/** What each role may do and not, and that the servers need no more than theirs. */
export const roleRows: readonly Row[] = [
  {
    name: 'the migrator makes the schema as its owner; a server works on it as auth_app, from registering to logging out',
    timeout: 180,
    async run(t) {
      const stores = await ensureStores(t.root);
      const { compose, sql, up, servers, log } = stores;
      await compose(`${MIGRATE} migrate`);
      const owned = `SELECT DISTINCT c.relowner::regrole FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('auth', 'audit')`;
      assert.deepEqual(await sql('postgres', owned), ['auth_owner']);
      await sql('postgres', WATCH_DDL);
      await up('--scale app=1 app');
      const [url = ''] = await servers();
      await tour(url, 'ada@example.com');
      const started = performance.now();
      while (Number((await sql('postgres', 'SELECT count(*) FROM audit.inbox'))[0]) > 0)
        assert.ok(performance.now() - started < 10_000, 'the audit lines are sealed');
      const [lines = '0'] = await sql('postgres', 'SELECT count(*) FROM audit.events WHERE genuine');
      assert.ok(Number(lines) >= 5, lines);
      t.figure('audit lines sealed', lines);
      const { stdout } = await compose(`exec -T app node --input-type=module -e "${HOUSEKEEPING}"`);
      assert.match(stdout, /swept/);
      const doctor = await compose('exec -T app node /app/server/bin/auth-api.mjs doctor --json', { ok: false });
      const findings = JSON.parse(doctor.stdout).findings as { check: string; status: string }[];
      for (const check of ['database', 'rights', 'migrations', 'connections', 'audit'])
        assert.equal(findings.find((one) => one.check === check)?.status, 'ok', doctor.stdout);
      assert.deepEqual(
        await sql('postgres', "SELECT * FROM public.ddl WHERE who <> 'auth_owner'"),
        [],
        'a server changed the schema',
      );
      assert.doesNotMatch(await log('app'), /permission denied|a recurring job failed|background work failed/);
    },
  },
  {
    name: 'months of the audit log are made and dropped through the owner’s functions: the server has no DDL of its own',
    async run(t) {
      const stores = await ensureStores(t.root);
      const made = await stores.sql('auth_app', "SELECT audit.ensure_partitions(now() + interval '3 months', 2)");
      assert.deepEqual(made, ['2']);
      const noted = await stores.sql(
        'postgres',
        "SELECT DISTINCT who, tag FROM public.ddl WHERE who <> 'auth_owner' ORDER BY 2",
      );
      assert.deepEqual(noted, ['auth_app|CREATE TABLE', 'auth_app|CREATE TRIGGER']);
      const owner = "SELECT DISTINCT relowner::regrole FROM pg_class WHERE relname LIKE 'events_y%'";
      assert.deepEqual(await stores.sql('postgres', owner), ['auth_owner']);
      assert.deepEqual(await stores.sql('auth_app', "SELECT audit.drop_partitions_before('2020-01-01')"), ['{}']);
      await stores.sql('postgres', 'DROP EVENT TRIGGER note_ddl; DROP FUNCTION public.note_ddl; DROP TABLE public.ddl');
    },
  },
  {
    name: 'auth_app cannot change the schema nor rewrite the audit log; auth_readonly reads no secret; auth_monitor no row',
    async run(t) {
      const stores = await ensureStores(t.root);
      const refused: Record<'auth_app' | 'auth_readonly' | 'auth_monitor', string[]> = {
        auth_app: [
          'CREATE TABLE auth.mine (id int)',
          'CREATE TABLE public.mine (id int)',
          'CREATE SCHEMA mine',
          'CREATE ROLE mine',
          'ALTER TABLE auth.users ADD COLUMN mine text',
          'DROP TABLE auth.users',
          'TRUNCATE auth.users',
          'CREATE EXTENSION pgcrypto SCHEMA auth',
          'DELETE FROM audit.events',
          'UPDATE audit.events SET reason = NULL',
          'TRUNCATE audit.events',
          'UPDATE audit.checkpoints SET seq = 0',
          'DELETE FROM audit.anchors',
          'ALTER TABLE audit.events DISABLE TRIGGER ALL',
          'INSERT INTO auth.migrations VALUES (99, $$x$$, $$x$$, now())',
          'SET ROLE auth_owner',
          'SET ROLE postgres',
          'SELECT * FROM pg_authid',
          "SELECT pg_read_file('/run/secrets/db_password')",
          "COPY auth.roles TO PROGRAM 'true'",
        ],
        auth_readonly: [
          'SELECT password_hash FROM auth.users',
          'SELECT * FROM auth.users',
          'SELECT secret_hash FROM auth.sessions',
          'SELECT * FROM auth.signing_keys',
          'SELECT * FROM auth.one_time_tokens',
          'SELECT * FROM auth.outbox',
          'SELECT personal FROM audit.events',
          'SELECT * FROM audit.inbox',
          'SELECT * FROM auth.dev_inbox',
          'DELETE FROM auth.users',
          "UPDATE auth.users SET name = 'x'",
          'CREATE TABLE public.mine (id int)',
          "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; UPDATE auth.users SET name = 'x'",
          'CREATE TEMP TABLE mine (id int)',
        ],
        auth_monitor: [
          'SELECT id FROM auth.users',
          'SELECT seq FROM audit.events',
          'CREATE TABLE public.mine (id int)',
          'CREATE TEMP TABLE mine (id int)',
          'SELECT * FROM pg_authid',
          "SELECT pg_read_file('/run/secrets/db_password')",
        ],
      };
      let count = 0;
      for (const [role, statements] of Object.entries(refused)) {
        await allRefused(stores, role as 'auth_app', statements);
        count += statements.length;
      }
      t.figure('refused', count);
      const reports = ['SELECT id, email, status FROM auth.users', 'SELECT at, action, outcome FROM audit.events'];
      assert.deepEqual(await states(stores, 'auth_readonly', reports), ['00000', '00000']);
      const seen = await stores.sql(
        'auth_monitor',
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'auth_app' AND query <> '<insufficient privilege>'",
      );
      assert.ok(Number(seen[0]) > 0);
      assert.deepEqual(
        await states(stores, 'auth_monitor', [
          'SELECT query FROM pg_stat_statements LIMIT 1',
          'SELECT pg_database_size(current_database())',
        ]),
        ['00000', '00000'],
      );
      const open = `SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = 'PUBLIC' AND table_schema IN ('auth', 'audit');
        SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('auth', 'audit')
          AND p.prosecdef AND has_function_privilege('public', p.oid, 'EXECUTE');
        SELECT has_schema_privilege('public', 'public', 'USAGE') OR has_database_privilege('public', 'auth_db', 'CONNECT,TEMP');`;
      assert.deepEqual(await stores.sql('postgres', open), ['0', '0', 'f'], 'PUBLIC has something');
    },
  },
  {
    name: 'a second `migrate up` gives back what was taken, and a table of a later migration gets its grants',
    async run(t) {
      const { compose, sql } = await ensureStores(t.root);
      await sql(
        'postgres',
        'REVOKE ALL ON auth.users FROM auth_app; GRANT SELECT ON auth.signing_keys TO auth_readonly',
      );
      const later = join(t.scratch, '0099_later.sql');
      writeFileSync(later, 'CREATE TABLE auth.later (id integer PRIMARY KEY);\n');
      await t.sh(`chmod 755 ${t.scratch}; chmod 644 ${later}`);
      const { stdout } = await compose(`${MIGRATE} -v ${later}:/app/server/migrations/0099_later.sql:ro migrate`);
      assert.match(stdout, /applied 99 later/);
      const may = `SELECT has_table_privilege('auth_app', 'auth.users', 'SELECT,INSERT,UPDATE,DELETE'),
        has_table_privilege('auth_app', 'auth.later', 'SELECT'), has_table_privilege('auth_app', 'auth.later', 'DELETE'),
        has_any_column_privilege('auth_readonly', 'auth.signing_keys', 'SELECT'), has_table_privilege('auth_readonly', 'auth.later', 'SELECT')`;
      assert.deepEqual(await sql('postgres', may), ['t|t|t|f|f']);
      await sql('postgres', 'DROP TABLE auth.later; DELETE FROM auth.migrations WHERE version = 99');
    },
  },
  {
    name: 'a wrong password or an unreachable database ends the start with a message that says which and what to do',
    async run(t) {
      const { compose, servers } = await ensureStores(t.root);
      const start = (settings: string): Promise<{ status: number; stdout: string; stderr: string }> =>
        compose(`${MIGRATE} ${settings} app`, { ok: false });
      const [wrong, nowhere] = await Promise.all([
        start('-e DB_PASSWORD_FILE=/run/secrets/session_secret'),
        start('-e DB_HOST=postgres.invalid'),
      ]);
      assert.match(wrong.stdout + wrong.stderr, /password authentication failed|DB_PASSWORD/);
      assert.match(nowhere.stdout + nowhere.stderr, /postgres\.invalid|The database does not answer/);
      assert.equal(nowhere.status, 69);
      t.figure('exit codes', `${wrong.status} ${nowhere.status}`);
      const [url = ''] = await servers();
      assert.equal((await ask(url, '/ready')).status, 200, 'the others serve on');
    },
  },
];
