// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Answer,
  figures,
  linkToken,
  logIn,
  PASSWORD,
  type Person,
  percentile,
  register,
  type ServerProcess,
} from '../processes.ts';
import { type Cluster, startCluster } from './cluster.ts';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({ PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '10' });
});

const me = (server: ServerProcess, person: Person): Promise<Answer> =>
  server.get('/me', person.cookie ? { cookie: person.cookie } : { bearer: person.access });
const send = (server: ServerProcess, path: string, person: Person): Promise<Answer> =>
  server.call(
    'POST',
    `/api/v1${path}`,
    person.cookie ? { cookie: person.cookie, headers: { 'x-csrf-token': person.csrf } } : { bearer: person.access },
  );

/** How the sessions of a person come to an end; it resolves when that was acknowledged. */
const WAYS: Record<string, (person: Person) => Promise<unknown>> = {
  logout: (person) => send(cluster.servers[0], '/auth/logout', person),
  'logout-all': (person) => send(cluster.servers[0], '/auth/logout-all', person),
  'a reset password': async (person) => {
    await cluster.servers[0].post('/auth/password/forgot', { email: person.email });
    const token = await linkToken(cluster.servers[0], person.email, '/reset-password');
    return cluster.servers[0].post('/auth/password/reset', { token, password: `New-${PASSWORD}` });
  },
  disabling: (person) =>
    cluster.postgres.sql(
      `WITH u AS (UPDATE auth.users SET status = 'disabled' WHERE id = $1 RETURNING id) INSERT INTO auth.changes (subject) SELECT id FROM u`,
      [person.id],
    ),
};

/** Milliseconds from the acknowledgement until each process refuses; asked without a pause, so that memory is warm. */
async function latencies(end: (person: Person) => Promise<unknown>, kind: 'token' | 'cookie'): Promise<number[]> {
  const person = await register(cluster.servers[0], kind);
  for (const server of cluster.servers) assert.equal((await me(server, person)).status, 200);
  let acknowledgedAt = Number.POSITIVE_INFINITY;
  const watching = cluster.servers.map(async (server) => {
    for (;;) {
      const askedAt = performance.now();
      const { status } = await me(server, person);
      if (status === 401) return Math.max(0, askedAt - acknowledgedAt);
      assert.equal(status, 200);
      if (askedAt - acknowledgedAt > 5_000) throw new Error('revoked five seconds ago, and still believed');
      await sleep(5);
    }
  });
  await end(person);
  acknowledgedAt = performance.now();
  return Promise.all(watching);
}

async function measure(rounds: number): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const end of Object.values(WAYS)) {
      const kinds = await Promise.all([latencies(end, 'token'), latencies(end, 'cookie')]);
      all.push(...kinds.flat());
    }
  }
  return all;
}

const summary = (all: number[]): Record<string, number> => ({
  endings: all.length / 3,
  'p50 ms': percentile(all, 0.5),
  'p99 ms': percentile(all, 0.99),
  'max ms': Math.max(...all),
});

test('revocation reaches all three processes within a second, for tokens and cookies', async (t) => {
  const all = await measure(2);
  figures(t, summary(all));
  assert.ok(Math.max(...all) < 1_000);
});

test('F-42, F-47: with Redis frozen as well', async (t) => {
  cluster.redis.signal('SIGSTOP');
  const all = await measure(1);
  cluster.redis.signal('SIGCONT');
  figures(t, summary(all));
  assert.ok(Math.max(...all) < 1_000);
});

test('F-40: without Redis as well', async (t) => {
  await cluster.redis.kill();
  const all = await measure(1);
  figures(t, summary(all));
  assert.ok(Math.max(...all) < 1_000);
  await cluster.redis.start();
});

test('F-47: a feed whose every connection is cut again and again is late for nobody', async (t) => {
  let isOver = false;
  const cutting = (async () => {
    while (!isOver) {
      await cluster.postgres.sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'auth-api' AND query LIKE '%auth.changes c%'`,
      );
      await sleep(30);
    }
  })();
  const people = await Promise.all([
    logIn(cluster.servers[0], (await register(cluster.servers[0])).email),
    register(cluster.servers[1]),
  ]);
  const delays: number[] = [];
  for (const person of people) {
    for (const server of cluster.servers) assert.equal((await me(server, person)).status, 200);
    const { status } = await send(cluster.servers[0], '/auth/logout', person);
    assert.equal(status, 204);
    const from = performance.now();
    await Promise.all(
      cluster.servers.map(async (server) => {
        while ((await me(server, person)).status !== 401) {
          if (performance.now() - from > 1_000) throw new Error('revoked a second ago, and still believed');
          await sleep(5);
        }
        delays.push(performance.now() - from);
      }),
    );
  }
  isOver = true;
  await cutting;
  for (const server of cluster.servers) assert.equal(server.hasExited(), false);
  figures(t, { 'max ms': Math.max(...delays) });
});
