import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask, logIn, register } from '../database/tour.ts';
import type { Area } from '../row.ts';
import { ensureStores, removeStores, type Stores } from '../stores.ts';

const SERVERS = 3;
const CLIENTS_EACH = 14;
/** Rounds in which all ask at once, after those in which more and more do. */
const FULL_ROUNDS = 12;
/** How long PgBouncer is held still while requests come in: far below the time in which a server must get a connection. */
const HELD_MS = 100;
const POOL = 8;
const CONSOLE = 'host=pgbouncer port=6432 dbname=pgbouncer sslmode=require';

interface Client {
  readonly url: string;
  readonly access: string;
  refresh: string;
}

/** Asks for what only PostgreSQL knows, by a connection of its own. What went wrong, or null. */
async function look(client: Client): Promise<string | null> {
  const { status, body } = await ask(client.url, '/api/v1/me/sessions', undefined, client.access).catch(
    (error: Error) => ({ status: 0, body: { message: error.message } as Record<string, unknown> }),
  );
  return status === 200 ? null : `${status} ${JSON.stringify(body)}`;
}

/** Renews the client's tokens; a server asks for those of the same moment together. What went wrong, or null. */
async function renew(client: Client): Promise<string | null> {
  const { status, body } = await ask(client.url, '/api/v1/auth/refresh', { refresh_token: client.refresh }).catch(
    (error: Error) => ({ status: 0, body: { message: error.message } as Record<string, unknown> }),
  );
  if (status !== 200) return `${status} ${JSON.stringify(body)}`;
  client.refresh = body.refresh_token as string;
  return null;
}

/** However quick the machine is, the requests of a round need their connections together: until PgBouncer goes on. */
async function whileHeld<T>(pid: number, work: () => Promise<T>): Promise<T> {
  process.kill(pid, 'SIGSTOP');
  const working = work();
  await sleep(HELD_MS);
  process.kill(pid, 'SIGCONT');
  return working;
}

/** For what only prepares: a machine that has just started so much may be slow for a moment. What is measured is asked once. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === 5) throw error;
      await sleep(2000);
    }
  }
}

async function column({ sql }: Stores, text: string, index: number): Promise<string[]> {
  return (await sql('auth_monitor', text, { at: CONSOLE })).map((line) => line.split('|')[index] ?? '');
}

/** Connections on either side, right after the load: none that is idle is closed within half a minute. */
async function connectionsOf(stores: Stores): Promise<{ clients: number; connections: number }> {
  const clients = (await column(stores, 'SHOW CLIENTS', 1)).filter((user) => user === 'auth_app').length;
  const connections = (await column(stores, 'SHOW SERVERS', 1)).filter((user) => user === 'auth_app').length;
  return { clients, connections };
}

export const pgbouncer: Area = {
  name: 'pgbouncer',
  title: 'PgBouncer between the servers and PostgreSQL',
  needs: ['images:debian', 'images:postgres', 'images:redis', 'app-image'],
  rows: [
    {
      name: 'three servers with 42 busy clients share a pool of eight connections, with named statements, and no request fails',
      timeout: 240,
      async run(t) {
        const stores = await ensureStores(t.root);
        await t.sh(`docker build -q --network=host -t auth-api-pgbouncer:1.24 ${t.deploy}/pgbouncer`, { seconds: 180 });
        const ini = join(stores.folder, 'pgbouncer/pgbouncer.ini');
        const text = readFileSync(ini, 'utf8');
        writeFileSync(
          ini,
          text
            .replace(/^default_pool_size = .*/m, `default_pool_size = ${POOL}`)
            .replace(/^reserve_pool_size = .*/m, 'reserve_pool_size = 0'),
        );
        // Every client of a server may have a connection of its own to PgBouncer.
        appendFileSync(join(stores.folder, '.env.production'), '\nDB_POOL_MAX=20\n');
        await stores.up(`--scale app=${SERVERS} app pgbouncer`, ['docker-compose.pgbouncer.yml']);
        const urls = await stores.servers();
        assert.equal(urls.length, SERVERS);
        // One after another, and an account for each server: every sign-in writes the account's row.
        const signedIn = await Promise.all(
          urls.map(async (url, index) => {
            await patiently(() => register(url, `edsger${index}@example.com`));
            const clients: Client[] = [];
            while (clients.length < CLIENTS_EACH) {
              clients.push({ url, ...(await patiently(() => logIn(url, `edsger${index}@example.com`))) });
            }
            return clients;
          }),
        );
        const { stdout: pid } = await stores.compose("ps -q pgbouncer | xargs docker inspect -f '{{.State.Pid}}'");
        const pooler = Number(pid);
        // 0 is what a container that does not run has, and a signal to 0 would go to this process.
        assert.ok(pooler > 1, pid);
        const started = performance.now();
        const failures: string[] = [];
        let requests = 0;
        // In each round one client of every server more than in the one before, so that few connections are opened at once:
        // that costs both sides more than using them. In the end all are at it together.
        for (let round = 1; round <= CLIENTS_EACH + FULL_ROUNDS; round++) {
          const asking = signedIn.flatMap((clients) => clients.slice(0, round));
          const answers = await (round <= CLIENTS_EACH
            ? whileHeld(pooler, () => Promise.all(asking.map(look)))
            : Promise.all(asking.map(renew)));
          failures.push(...answers.filter((answer) => answer !== null));
          requests += asking.length;
        }
        t.figure('s', ((performance.now() - started) / 1000).toFixed(1));
        const { clients, connections } = await connectionsOf(stores);
        assert.deepEqual(failures.slice(0, 3), []);
        assert.ok(clients >= 2 * POOL, `${clients} at once`);
        assert.ok(connections <= POOL && connections > 0, `${connections} connections`);
        t.figure('requests', requests);
        t.figure('failed', 0);
        t.figure('connections of the servers', clients);
        t.figure('of PostgreSQL', connections);
        const line = (await stores.sql('auth_monitor', 'SHOW STATS', { at: CONSOLE })).find((one) =>
          one.startsWith('auth_db|'),
        );
        const [parsedByClients = 0, parsedByServer = 0, bound = 0] = line?.split('|').slice(9, 12).map(Number) ?? [];
        assert.ok(parsedByServer > 0 && parsedByServer < parsedByClients && bound > 4 * parsedByServer, line);
        t.figure('statements run, prepared', `${bound}, ${parsedByServer}`);
        assert.doesNotMatch(await stores.log('app'), /prepared statement/);
      },
    },
    {
      name: 'what one server revokes, the others refuse within a second: the change feed goes past the pooler',
      async run(t) {
        const stores = await ensureStores(t.root);
        const urls = await stores.servers();
        const [first = ''] = urls;
        let slowest = 0;
        for (let round = 0; round < 3; round++) {
          const { access } = await logIn(first, 'edsger0@example.com');
          for (const url of urls) assert.equal((await ask(url, '/api/v1/me', undefined, access)).status, 200);
          assert.equal((await ask(first, '/api/v1/auth/logout', {}, access)).status, 204);
          const since = performance.now();
          for (const url of urls.slice(1)) {
            while ((await ask(url, '/api/v1/me', undefined, access)).status !== 401) await sleep(10);
            slowest = Math.max(slowest, performance.now() - since);
          }
        }
        assert.ok(slowest < 1000, `${slowest} ms`);
        t.figure('slowest, ms', Math.round(slowest));
        const { stdout } = await stores.compose('exec -T pgbouncer hostname -i');
        const direct = `SELECT count(DISTINCT client_addr) FROM pg_stat_activity WHERE usename = 'auth_app' AND client_addr <> '${stdout.trim().split(' ')[0]}'`;
        assert.deepEqual(await stores.sql('postgres', direct), [`${SERVERS}`]);
        const [limit] = await stores.sql('auth_app', 'SHOW statement_timeout', {
          at: 'host=pgbouncer port=6432 dbname=auth_db sslmode=require',
        });
        assert.equal(limit, '3s', 'the role brings the time-out that the servers cannot set through it');
      },
    },
    {
      name: 'lets in with TLS and a password only, and nobody but the servers and the exporter; its own way to PostgreSQL is verified',
      async run(t) {
        const stores = await ensureStores(t.root);
        t.after(removeStores);
        const refused = async (
          role: 'auth_app' | 'auth_owner' | 'auth_monitor',
          at: string,
          text = 'SELECT 1',
        ): Promise<string> => {
          const failure = await stores.sql(role, text, { at }).catch((error: Error) => error);
          assert.ok(failure instanceof Error, `let in: ${role} ${at}`);
          return failure.message;
        };
        const there = 'host=pgbouncer port=6432 dbname=auth_db';
        assert.match(await refused('auth_app', `${there} sslmode=disable`), /SSL required/);
        assert.match(await refused('auth_app', `${there} sslmode=require user=auth_monitor`), /authentication failed/);
        assert.match(await refused('auth_owner', `${there} sslmode=require`), /authentication failed/);
        assert.match(await refused('auth_app', `${CONSOLE}`), /not allowed/);
        assert.match(await refused('auth_monitor', CONSOLE, 'SHUTDOWN'), /admin access needed/);
        const onTls =
          "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'auth_app'";
        assert.deepEqual(await stores.sql('postgres', onTls), ['t']);
        const { stdout } = await t.sh(
          `docker inspect $(docker compose ps -q pgbouncer 2>/dev/null || true) 2>/dev/null || true`,
        );
        const { stdout: secret } = await t.sh(`cat ${stores.folder}/secrets/db_app_password.txt`);
        assert.ok(!stdout.includes(secret.trim()));
        assert.ok(!(await stores.log('pgbouncer')).includes(secret.trim()));
      },
    },
  ],
};
