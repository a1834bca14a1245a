// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPostgres } from '../../src/platform/db/postgres.ts';
import { figures, PASSWORD, register, type ServerProcess, someEmail, startServer } from '../processes.ts';
import { until } from '../programs.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { checkState, closeLedger, newLedger, work } from './ledger.ts';
import { startLossyProxy } from './lossy-proxy.ts';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({ PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '10', REFRESH_GRACE_SECONDS: '60' });
});

/** Clients on all processes while `nemesis` is at it; afterwards nothing acknowledged is lost, nothing half done. */
async function underLoad(
  servers: readonly ServerProcess[],
  nemesis: () => Promise<void>,
): Promise<{ acknowledged: number; unanswered: number }> {
  const book = newLedger();
  book.allows503 = true;
  let isOver = false;
  const clients = [...servers, ...servers].map((server) => work(server, book, null, () => isOver));
  await sleep(300);
  await nemesis();
  await sleep(300);
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual(book.refused, []);
  for (const server of servers) assert.equal(server.hasExited(), false);
  const connection = {
    host: '127.0.0.1',
    port: cluster.postgres.port,
    database: 'postgres',
    user: 'postgres',
    tls: false as const,
  };
  const db = openPostgres(
    { kind: 'postgres', connection, direct: connection, poolMin: 0, poolMax: 2 },
    () => undefined,
  );
  await checkState(db, book, cluster.service.ENCRYPTION_KEY as string).finally(() => db.close());
  closeLedger(book);
  return { acknowledged: book.acknowledged, unanswered: book.unanswered };
}

test('F-20: PostgreSQL restarts under load: 503 meanwhile, nothing lost, and all goes on at once', async (t) => {
  const recoveries: number[] = [];
  const seen = await underLoad(cluster.servers, async () => {
    for (let round = 0; round < 2; round++) {
      await cluster.postgres.stop('fast');
      await sleep(200);
      await cluster.postgres.start();
      const ready = async (): Promise<boolean> =>
        (await Promise.all(cluster.servers.map((one) => one.call('GET', '/ready')))).every((one) => one.status === 200);
      recoveries.push(await until(ready, 10_000, 'recovery'));
      await sleep(300);
    }
  });
  assert.ok(Math.max(...recoveries) < 2_000);
  figures(t, { ...seen, restarts: recoveries.length, 'ready again after ms': Math.max(...recoveries) });
});

test('F-23: all connections are cut every second: no process ends, and whatever was acknowledged is there', async (t) => {
  let cut = 0;
  const seen = await underLoad(cluster.servers, async () => {
    for (let round = 0; round < 3; round++) {
      const [row] = await cluster.postgres.sql<{ n: string }>(
        `SELECT count(pg_terminate_backend(pid)) AS n FROM pg_stat_activity WHERE application_name = 'auth-api'`,
      );
      cut += Number(row?.n);
      await sleep(1_000);
    }
  });
  assert.ok(cut > 3);
  figures(t, { ...seen, cut });
});

test('F-25: answers to COMMIT and other statements get lost: every account is whole or absent, and a retry ends well', async (t) => {
  const proxy = await startLossyProxy(cluster.postgres.port);
  const { url } = cluster.postgres;
  const lossy = {
    DATABASE_URL: url.replace(`:${cluster.postgres.port}/`, `:${proxy.port}/`),
    DATABASE_DIRECT_URL: url,
  };
  const server = await startServer(cluster.service, lossy);
  const seen = await underLoad([server], async () => {
    proxy.lose({ commits: 3, others: 20 });
    const isEnough = (): boolean => proxy.lost().commits >= 3 && proxy.lost().others >= 3;
    await Promise.all([sleep(2_000), until(isEnough, 20_000, 'losses')]);
    proxy.lose({ commits: 0, others: 0 });
  });
  const { commits, others } = proxy.lost();
  assert.ok(commits > 0 && others > 0, `lost ${commits} and ${others}`);

  // One and the same refresh token again and again, until an answer arrives.
  const person = await register(server);
  proxy.lose({ commits: 2, others: 2 });
  let token = person.refresh;
  let retries = 0;
  for (let rotation = 0; rotation < 5; ) {
    const answer = await server.post('/auth/refresh', { refresh_token: token });
    assert.ok([200, 503].includes(answer.status), JSON.stringify(answer.body));
    if (answer.status === 503) retries += 1;
    else {
      token = answer.body.refresh_token;
      rotation += 1;
    }
  }
  proxy.lose({ commits: 0, others: 0 });
  const [row] = await cluster.postgres.sql<{ generation: number }>(
    'SELECT generation FROM auth.sessions WHERE user_id = $1',
    [person.id],
  );
  assert.equal(row?.generation, 5);
  await server.kill();
  figures(t, { ...seen, 'lost commits': commits, 'other lost answers': others, 'refresh retries': retries });
});

test('F-37: one address is registered 60 times at once on three processes: one account', async (t) => {
  const email = someEmail();
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, at) =>
      (cluster.servers[at % 3] as ServerProcess).post('/auth/register', { email, password: PASSWORD }),
    ),
  );
  const count = (status: number): number => answers.filter((one) => one.status === status).length;
  assert.equal(count(201), 1);
  assert.equal(count(201) + count(409) + count(503), 60);
  const rows = await cluster.postgres.sql('SELECT id FROM auth.users WHERE email = $1', [email]);
  assert.equal(rows.length, 1);
  figures(t, { created: count(201), taken: count(409), busy: count(503) });
});
