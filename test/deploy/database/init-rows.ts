import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../row.ts';
import { ensureStores } from '../stores.ts';

const INIT = '/docker-entrypoint-initdb.d/10-init-db.sql';
const STATE = `SELECT r.rolname, r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolconfig, r.rolconnlimit, a.rolpassword
    FROM pg_roles r JOIN pg_authid a USING (oid) WHERE r.rolname LIKE 'auth%' ORDER BY 1;
  SELECT nspname, nspowner::regrole, nspacl FROM pg_namespace WHERE nspname IN ('auth', 'audit', 'public') ORDER BY 1;
  SELECT datname, ARRAY(SELECT one::text FROM unnest(datacl) AS one ORDER BY 1) FROM pg_database ORDER BY 1;`;
const ROLES = ['owner', 'app', 'readonly', 'monitor'];
const RUNNING = "SELECT count(*) FROM pg_extension WHERE extname = 'pg_stat_statements'";

/** init-db.sql: at the first start, again, on what is half made, and on somebody else's cluster. */
export const initRows: readonly Row[] = [
  {
    name: 'init-db.sql ran at the first start, and can be run again: nothing changes but a password that did',
    async run(t) {
      const stores = await ensureStores(t.root);
      const { compose, sql, log } = stores;
      assert.deepEqual(await sql('postgres', RUNNING), ['1']);
      const before = await sql('postgres', STATE.replace(', a.rolpassword', ''));
      await compose(`exec -T postgres psql -X -U postgres -f ${INIT}`);
      assert.deepEqual(await sql('postgres', STATE.replace(', a.rolpassword', '')), before);
      // What a start that was interrupted leaves behind: a role too few. Running it again mends that.
      await sql('postgres', 'DROP OWNED BY auth_readonly; DROP ROLE auth_readonly');
      const file = join(stores.folder, 'secrets/db_monitor_password.txt');
      await t.sh(`chmod 644 ${file}`);
      writeFileSync(file, `${'new password\'s "quotes" $and \\more '.repeat(2)}\n`);
      await compose(`exec -T postgres psql -X -U postgres -f ${INIT}`);
      assert.deepEqual(await sql('postgres', STATE.replace(', a.rolpassword', '')), before);
      assert.deepEqual(await sql('auth_monitor', 'SELECT 1'), ['1']);
      const passwords = ROLES.map((name) =>
        readFileSync(join(stores.folder, `secrets/db_${name}_password.txt`), 'utf8').trim(),
      );
      const everything = `${await log('postgres')}${(await sql('postgres', 'SELECT query FROM pg_stat_statements')).join('\n')}`;
      for (const password of passwords) assert.ok(!everything.includes(password), 'a password is in the log');
    },
  },
  {
    name: 'without a password file it names which, ends with an error and has changed nothing',
    async run(t) {
      const { compose, sql } = await ensureStores(t.root);
      const before = await sql('postgres', STATE);
      const { status, stderr } = await compose(
        `exec -T -e DB_APP_PASSWORD_FILE=/nowhere -e DB_MONITOR_PASSWORD_FILE= postgres psql -X -U postgres -f ${INIT}`,
        { ok: false },
      );
      assert.equal(status, 3);
      assert.match(stderr, /init-db\.sql: DB_APP_PASSWORD_FILE, DB_MONITOR_PASSWORD_FILE must name a readable file/);
      assert.match(stderr, /make-secrets\.sh.*Nothing was changed/);
      assert.deepEqual(await sql('postgres', STATE), before);
    },
  },
  {
    name: 'on a managed database, where the administrator is no superuser, it does all but the statistics and says so',
    async run(t) {
      const { folder } = await ensureStores(t.root);
      const id = 'auth-api-test-database-managed';
      t.after(() => t.sh(`docker rm -f -v ${id}`, { ok: false }));
      await t.sh(`docker rm -f -v ${id}`, { ok: false });
      const files = ROLES.map(
        (name) => `-e DB_${name.toUpperCase()}_PASSWORD_FILE=/secrets/db_${name}_password.txt`,
      ).join(' ');
      await t.sh(
        `docker run -d --name ${id} --tmpfs /var/lib/postgresql/data -v ${folder}/secrets:/secrets:ro ${files} \\
          -v ${t.deploy}/init-db.sql:/init-db.sql:ro -e POSTGRES_PASSWORD=unimportant postgres:17
        until docker exec ${id} pg_isready -q -h 127.0.0.1; do sleep 0.2; done`,
      );
      const psql = (who: string, rest: string): string =>
        `docker exec -i -e PGPASSWORD=unimportant ${id} psql -X -q -At -v ON_ERROR_STOP=1 -h 127.0.0.1 -U ${who} ${rest}`;
      await t.sh(psql('postgres', '-d postgres'), {
        stdin: "CREATE ROLE cloud_admin LOGIN CREATEDB CREATEROLE PASSWORD 'unimportant'",
      });
      for (const round of ['first', 'second']) {
        const { stderr } = await t.sh(psql('cloud_admin', '-d postgres -f /init-db.sql'));
        assert.equal(stderr.match(/WARNING: {2}left out: /g)?.length, 3, `${round}: ${stderr}`);
      }
      const facts = `SELECT string_agg(nspname || ' ' || nspowner::regrole, ', ' ORDER BY nspname) FROM pg_namespace WHERE nspname IN ('auth', 'audit');
        SELECT count(*) FROM pg_auth_members WHERE roleid = 'auth_owner'::regrole AND (inherit_option OR set_option);
        SELECT has_database_privilege('public', 'auth_db', 'CONNECT');`;
      const { stdout } = await t.sh(psql('postgres', '-d auth_db'), { stdin: facts });
      assert.deepEqual(stdout.trim().split('\n'), ['audit auth_owner, auth auth_owner', '0', 'f']);
    },
  },
];
