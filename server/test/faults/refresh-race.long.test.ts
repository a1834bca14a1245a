// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, figures, isLong, PASSWORD, type Person, percentile, register } from '../processes.ts';
import { until } from '../programs.ts';
import { atOnce, type Cluster, startCluster } from './cluster.ts';

const ROUNDS = isLong ? 200 : 10;
const USES = 100;
const GRACE_SECONDS = 2;

let cluster: Cluster;
before(async () => {
  cluster = await startCluster({
    REFRESH_GRACE_SECONDS: `${GRACE_SECONDS}`,
    DB_POOL_MAX: '10',
    PASSWORD_HASH: 'bcrypt',
    BCRYPT_SALT_ROUNDS: '10',
  });
});

const use = (token: string, at = 0): Promise<Answer> =>
  (cluster.servers[at % 3] as Cluster['servers'][0]).post('/auth/refresh', { refresh_token: token });

/** Refused by all three processes within a second. */
async function deadEverywhere(bearer: string): Promise<void> {
  const isDead = async (): Promise<boolean> =>
    (await Promise.all(cluster.servers.map((one) => one.get('/me', { bearer })))).every((one) => one.status === 401);
  await until(isDead, 1_000, 'the end of an access token');
}

/** One token used a hundred times at once; the one successor that all of them got. */
async function race(token: string, waits: number[]): Promise<string> {
  const answers = await atOnce(cluster.servers, USES, (server) =>
    server.post('/auth/refresh', { refresh_token: token }),
  );
  waits.push(...answers.map((one) => one.ms));
  const statuses = new Set(answers.map((one) => one.status));
  assert.deepEqual([...statuses], [200], JSON.stringify(answers.find((one) => one.status !== 200)?.body));
  const successors = new Set(answers.map((one) => one.body.refresh_token as string));
  assert.equal(successors.size, 1, 'two live descendants');
  return [...successors][0] as string;
}

test(`I-021 I-022 of ${USES} uses of one refresh token on 3 processes all get one successor, ${ROUNDS} times`, async (t) => {
  const person = await register(cluster.servers[0]);
  const waits: number[] = [];
  let token = person.refresh;
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 4 === 1) await cluster.redis.command('FLUSHALL');
    token = await race(token, waits);
  }
  const rows = await cluster.postgres.sql<{ n: string; generation: number }>(
    'SELECT count(*) AS n, max(generation) AS generation FROM auth.sessions WHERE user_id = $1',
    [person.id],
  );
  assert.deepEqual(rows, [{ n: '1', generation: ROUNDS }]);
  figures(t, {
    rounds: ROUNDS,
    uses: ROUNDS * USES,
    'p50 ms': percentile(waits, 0.5),
    'p99 ms': percentile(waits, 0.99),
    'max ms': Math.max(...waits),
  });
});

test('after a race the successor works; the token before it ends the session once the grace is over', async () => {
  const person = await register(cluster.servers[0]);
  const successor = await race(person.refresh, []);
  await sleep(GRACE_SECONDS * 1000 + 200);
  const next = await use(successor, 1);
  assert.equal(next.status, 200);
  const replayed = await use(person.refresh, 2);
  assert.deepEqual([replayed.status, replayed.body.code], [401, 'refresh_token_reused']);
  assert.equal((await use(next.body.refresh_token)).body.code, 'session_revoked');
  await deadEverywhere(next.body.access_token);
});

test('while Redis is stopped and started again races end the same way', async () => {
  const person = await register(cluster.servers[0]);
  let token = person.refresh;
  for (let round = 0; round < 3; round++) {
    const killing = sleep(10).then(() => cluster.redis.kill());
    token = await race(token, []);
    await killing;
    await cluster.redis.start();
    token = await race(token, []);
  }
});

const ENDINGS: Record<string, (person: Person) => Promise<unknown>> = {
  logout: (person) => cluster.servers[1].call('POST', '/api/v1/auth/logout', { bearer: person.access }),
  'logout by an older token': (person) => cluster.servers[1].post('/auth/logout', { refresh_token: person.refresh }),
  'a password change elsewhere': async (person) => {
    const other = await cluster.servers[1].post('/auth/login', { email: person.email, password: PASSWORD });
    const body = { current_password: PASSWORD, new_password: 'Other-lantern-43-violet' };
    return cluster.servers[1].post('/me/password', body, { bearer: other.body.access_token });
  },
  'disabling the user': (person) =>
    cluster.postgres.sql(
      `WITH u AS (UPDATE auth.users SET status = 'disabled' WHERE id = $1 RETURNING id) INSERT INTO auth.changes (subject) SELECT id FROM u`,
      [person.id],
    ),
};

for (const [name, end] of Object.entries(ENDINGS)) {
  test(`a refresh raced with ${name}: no token is valid after both`, async () => {
    for (let round = 0; round < (isLong ? 50 : 3); round++) {
      const person = await register(cluster.servers[0]);
      const ending = sleep(round * 7).then(() => end(person));
      const answers = await atOnce(cluster.servers, 12, (server) =>
        server.post('/auth/refresh', { refresh_token: person.refresh }),
      );
      await ending;
      const given = answers.filter((one) => one.status === 200);
      const tokens = new Set([person.refresh, ...given.map((one) => one.body.refresh_token as string)]);
      for (const token of tokens) assert.equal((await use(token, 2)).status, 401);
      await deadEverywhere(given.at(-1)?.body.access_token ?? person.access);
    }
  });
}
