// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKeys, type Keys } from '../../src/core/keys/index.ts';
import type { Db } from '../../src/platform/db/index.ts';
import { openPostgres } from '../../src/platform/db/postgres.ts';
import { createEncryption } from '../../src/platform/encryption.ts';
import { figures, PASSWORD, type Person, percentile, register, type ServerProcess, startServer } from '../processes.ts';
import { atEnd } from '../programs.ts';
import { type Cluster, startCluster } from './cluster.ts';

let cluster: Cluster;
let db: Db;
let operator: Keys;

before(async () => {
  cluster = await startCluster({ PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '10' });
  const connection = {
    host: '127.0.0.1',
    port: cluster.postgres.port,
    database: 'postgres',
    user: 'postgres',
    tls: false as const,
  };
  db = openPostgres({ kind: 'postgres', connection, direct: connection, poolMin: 0, poolMax: 2 }, () => undefined);
  atEnd(() => db.close());
  // A fourth process, which serves nobody: the operator's.
  operator = createKeys({
    db,
    encryption: createEncryption([Buffer.from(cluster.service.ENCRYPTION_KEY as string, 'base64')]),
    clock: { now: () => Date.now() },
    changes: { onChange: () => undefined, announce: () => undefined },
    config: { jwtKeys: { kind: 'managed' }, JWT_EXPIRES_IN: 900 },
  });
  await operator.start();
});

const kidOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid;

test('F-76: with a new signing key every second no valid token is refused by any of three processes', async (t) => {
  const counts = { verified: 0, refused: 0 };
  const kids = new Set<string>();
  const old: string[] = [];
  let isOver = false;
  const verify = async (token: string): Promise<void> => {
    const statuses = await Promise.all(
      cluster.servers.map(async (one) => (await one.get('/me', { bearer: token })).status),
    );
    counts.verified += statuses.length;
    counts.refused += statuses.filter((status) => status !== 200).length;
  };
  const load = cluster.servers.map(async (server) => {
    let person: Person = await register(server);
    while (!isOver) {
      const answer = await server.post('/auth/refresh', { refresh_token: person.refresh });
      assert.equal(answer.status, 200);
      person = { ...person, refresh: answer.body.refresh_token, access: answer.body.access_token };
      kids.add(kidOf(person.access));
      old.push(person.access);
      await verify(person.access);
      await verify(old[Math.floor(old.length / 2)] as string);
    }
  });
  for (let rotation = 0; rotation < 4; rotation++) {
    await db.transaction((tx) => operator.rotate(tx, { immediately: true }));
    await sleep(1_000);
  }
  isOver = true;
  await Promise.all(load);
  assert.equal(counts.refused, 0);
  assert.ok(kids.size >= 4);
  figures(t, { ...counts, keys: kids.size });
});

test('F-77: a revoked key is dead everywhere within a second, and who refreshes goes on', async (t) => {
  const latencies: number[] = [];
  for (let round = 0; round < 4; round++) {
    if (round === 2) cluster.redis.signal('SIGSTOP');
    const person = await register(cluster.servers[0]);
    for (const one of cluster.servers) assert.equal((await one.get('/me', { bearer: person.access })).status, 200);
    await db.transaction((tx) => operator.revoke(tx, kidOf(person.access)));
    const from = performance.now();
    await Promise.all(
      cluster.servers.map(async (one) => {
        while ((await one.get('/me', { bearer: person.access })).status !== 401) {
          if (performance.now() - from > 3_000) throw new Error('revoked three seconds ago, and still believed');
          await sleep(5);
        }
        latencies.push(performance.now() - from);
      }),
    );
    const refreshed = await cluster.servers[1].post('/auth/refresh', { refresh_token: person.refresh });
    assert.equal(refreshed.status, 200);
    for (const one of cluster.servers)
      assert.equal((await one.get('/me', { bearer: refreshed.body.access_token })).status, 200);
  }
  cluster.redis.signal('SIGCONT');
  assert.ok(Math.max(...latencies) < 1_000);
  figures(t, { revocations: 4, 'p50 ms': percentile(latencies, 0.5), 'max ms': Math.max(...latencies) });
});

test('tokens of invented keys are refused, and slow nobody down', async (t) => {
  const person = await register(cluster.servers[0]);
  const [, payload, signature] = person.access.split('.');
  const invent = (at: number): string => {
    const header = { alg: 'EdDSA', kid: `${at}`.padStart(43, 'x'), typ: 'at+jwt' };
    return [Buffer.from(JSON.stringify(header)).toString('base64url'), payload, signature].join('.');
  };
  const waits: number[] = [];
  let isOver = false;
  const honest = (async () => {
    while (!isOver) {
      const answer = await cluster.servers[0].get('/me', { bearer: person.access });
      assert.equal(answer.status, 200);
      waits.push(answer.ms);
      await sleep(5);
    }
  })();
  for (let wave = 0; wave < 10; wave++) {
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, at) => cluster.servers[0].get('/me', { bearer: invent(wave * 100 + at) })),
    );
    assert.deepEqual([...new Set(answers.map((one) => one.status))], [401]);
  }
  isOver = true;
  await honest;
  assert.ok(percentile(waits, 0.95) < 500);
  figures(t, { invented: 400, 'honest p50 ms': percentile(waits, 0.5), 'honest p95 ms': percentile(waits, 0.95) });
});

const ROTATED = ['JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET', 'ENCRYPTION_KEY'];

test('F-78: secrets are changed by `new,old` and a restart: nobody is signed out, and new values are in use', async () => {
  const [server] = cluster.servers;
  const bearer = await register(server);
  const cookie = await register(server, 'cookie');
  const former = Object.fromEntries(ROTATED.map((name) => [name, cluster.service[name] as string]));
  const fresh = Object.fromEntries(
    ROTATED.map((name) => [name, Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64')]),
  );
  const both = Object.fromEntries(ROTATED.map((name) => [name, `${fresh[name]},${former[name]}`]));
  const next: ServerProcess = await startServer({ ...cluster.service, ...both });

  assert.equal((await next.get('/me', { bearer: bearer.access })).status, 200);
  assert.equal((await next.get('/me', { cookie: cookie.cookie })).status, 200);
  const changed = await next.call('PATCH', '/api/v1/me', {
    cookie: cookie.cookie,
    headers: { 'x-csrf-token': cookie.csrf },
    body: { name: 'Ada' },
  });
  assert.equal(changed.status, 200);
  const refreshed = await next.post('/auth/refresh', { refresh_token: bearer.refresh });
  assert.equal(refreshed.status, 200);
  const login = await next.post('/auth/login', { email: bearer.email, password: PASSWORD });
  assert.equal(login.status, 200);

  // With the former values gone, what was given out since goes on.
  const last = await startServer({ ...cluster.service, ...fresh, ENCRYPTION_KEY: both.ENCRYPTION_KEY as string });
  assert.equal((await last.post('/auth/refresh', { refresh_token: refreshed.body.refresh_token })).status, 200);
  assert.equal((await last.get('/me', { cookie: cookie.cookie })).status, 401);
  assert.equal((await last.get('/me', { bearer: login.body.access_token })).status, 200);
  await Promise.all([next.kill(), last.kill()]);
});
