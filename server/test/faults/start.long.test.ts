// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../test/run/free-port.ts';
import { readMigrations } from '../../src/platform/db/index.ts';
import { figures, isLong, percentile, register, serviceEnv, spawnServer } from '../processes.ts';
import { type PrivatePostgres, startPostgres } from '../programs.ts';

const ROUNDS = isLong ? 20 : 2;

let postgres: PrivatePostgres;
before(async () => {
  postgres = await startPostgres();
});

test(`F-15: three processes that start at once on an empty database end with one schema and one active key, ${ROUNDS} times`, async (t) => {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const name = `together_${round}`;
    await postgres.sql(`CREATE DATABASE ${name}`);
    const service = serviceEnv({ DATABASE_URL: postgres.url.replace(/postgres$/, name) });
    const servers = await Promise.all([1, 2, 3].map(() => spawnServer(service)));
    times.push(...(await Promise.all(servers.map((one) => one.ready()))));
    const sets = await Promise.all(
      servers.map(async (one) => (await one.call('GET', '/.well-known/jwks.json')).body.keys),
    );
    assert.equal(sets[0].length, 1);
    assert.deepEqual(sets[1], sets[0]);
    assert.deepEqual(sets[2], sets[0]);
    const person = await register(servers[0] as (typeof servers)[0]);
    for (const one of servers) assert.equal((await one.get('/me', { bearer: person.access })).status, 200);
    for (const one of servers)
      assert.deepEqual(
        one.lines().filter((line) => ['error', 'fatal'].includes(String(line.level))),
        [],
      );
    await Promise.all(servers.map((one) => one.kill()));
    const { rows } = await inDatabase(name, 'SELECT version FROM auth.migrations ORDER BY version');
    assert.deepEqual(
      rows.map((row) => row.version),
      readMigrations().map((one) => one.version),
    );
  }
  figures(t, { rounds: ROUNDS, 'ready p50 ms': percentile(times, 0.5), 'ready max ms': Math.max(...times) });
});

test('a database that comes up a moment later is waited for', async (t) => {
  const service = serviceEnv({ DATABASE_URL: postgres.url });
  await postgres.stop();
  const server = await spawnServer(service);
  await sleep(2_000);
  await postgres.start();
  const ms = await server.ready();
  await server.kill();
  figures(t, { 'ready after ms': 2_000 + ms });
});

test('without a database the start ends after some seconds with exit code 69 and says why', async (t) => {
  const port = await freePort();
  const from = performance.now();
  const server = await spawnServer(serviceEnv({ DATABASE_URL: `postgres://someone:hush@127.0.0.1:${port}/auth` }));
  assert.deepEqual(await server.exited, { code: 69, signal: null });
  const ms = performance.now() - from;
  assert.ok(ms < 10_000);
  assert.match(server.errors(), new RegExp(`Nothing answers at 127\\.0\\.0\\.1:${port}`));
  assert.doesNotMatch(server.errors(), /hush|\n\s+at /);
  figures(t, { 'gave up after ms': ms });
});

test('a wrong database name is not waited for', async (t) => {
  const server = await spawnServer(serviceEnv({ DATABASE_URL: postgres.url.replace(/postgres$/, 'nowhere') }));
  const from = performance.now();
  assert.deepEqual(await server.exited, { code: 69, signal: null });
  figures(t, { 'gave up after ms': performance.now() - from });
  assert.match(server.errors(), /does not exist/);
});

test('F-79: a migration that cannot get its lock gives up with exit code 69, changes nothing, and succeeds the next time', async (t) => {
  await postgres.sql('CREATE DATABASE locked');
  const service = serviceEnv({ DATABASE_URL: postgres.url.replace(/postgres$/, 'locked') });
  const holder = await connectTo('locked');
  await holder.query(`CREATE SCHEMA auth; CREATE TABLE auth.migrations
    (version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL)`);
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE auth.migrations IN SHARE MODE');
  const from = performance.now();
  const first = await spawnServer(service);
  assert.deepEqual(await first.exited, { code: 69, signal: null });
  const gaveUp = performance.now() - from;
  assert.match(first.errors(), /migration gave up: another session has held a lock/);
  assert.ok(gaveUp < 8_000);
  const { rows } = await inDatabase(
    'locked',
    `SELECT to_regclass('auth.users') AS users, (SELECT count(*) FROM auth.migrations) AS n`,
  );
  assert.deepEqual(rows, [{ users: null, n: '0' }]);
  await holder.query('ROLLBACK');
  await holder.end();
  const second = await spawnServer(service);
  await second.ready();
  await register(second);
  await second.kill();
  figures(t, { 'gave up after ms': gaveUp });
});

async function connectTo(name: string) {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: postgres.url.replace(/postgres$/, name) });
  await client.connect();
  return client;
}

async function inDatabase(name: string, text: string) {
  const client = await connectTo(name);
  return client.query(text).finally(() => client.end());
}
