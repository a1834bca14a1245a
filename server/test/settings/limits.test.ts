// engines: postgres
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { type Answer, someEmail, startServer, type TestServer, testClock } from '../kit.ts';
import { until } from '../programs.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  const env = {
    TRUSTED_PROXIES: '127.0.0.1',
    RATE_LIMIT_WINDOW: '3',
    RATE_LIMIT_MAX: '4',
    RATE_LIMIT_LOGIN: '2/30',
    RATE_LIMIT_USER: '6/40',
  };
  server = await startServer({ env, clock });
});

const [a, b] = randomBytes(2);
let hosts = 0;
const from = (address = `10.${a}.${b}.${++hosts}`) => ({ headers: { 'x-forwarded-for': address } });
/** To just behind the beginning of a window, so that none ends in the middle of a test. */
const toWindow = (seconds: number): void => clock.advance(seconds - ((clock.now() / 1000) % seconds) + 0.05);

async function repeat(count: number, work: () => Promise<Answer>): Promise<{ statuses: number[]; last: Answer }> {
  const answers: Answer[] = [];
  for (let n = 0; n < count; n++) answers.push(await work());
  return { statuses: answers.map((one) => one.status), last: answers.at(-1) as Answer };
}

test('an address may ask RATE_LIMIT_MAX times within RATE_LIMIT_WINDOW minutes', async () => {
  toWindow(180);
  const guest = from();
  const { statuses, last } = await repeat(5, () => server.get('/me', guest));
  assert.deepEqual(statuses, [401, 401, 401, 401, 429]);
  assert.equal(last.headers.get('ratelimit-policy'), '"address";q=4;w=180');
  assert.ok(Number(last.headers.get('retry-after')) > 170);
  clock.advance(170);
  assert.equal((await server.get('/me', guest)).status, 429);
  clock.advance(11);
  assert.equal((await server.get('/me', guest)).status, 401);
});

test('an address may send RATE_LIMIT_LOGIN credentials', async () => {
  toWindow(30);
  const guest = from();
  const { statuses, last } = await repeat(3, () =>
    server.post('/auth/login', { email: someEmail(), password: 'wrong' }, guest),
  );
  assert.deepEqual(statuses, [401, 401, 429]);
  assert.equal(last.headers.get('ratelimit-policy'), '"login";q=2;w=30');
  clock.advance(30);
  assert.equal((await server.post('/auth/login', { email: someEmail(), password: 'wrong' }, guest)).status, 401);
});

test('a signed-in user may ask RATE_LIMIT_USER times, from wherever', async () => {
  const calm = await startServer({ on: server, env: { RATE_LIMIT_USER: '1000/60' } });
  const { accessToken } = await calm.user();
  toWindow(40);
  const { statuses, last } = await repeat(7, () => server.get('/me', { bearer: accessToken, ...from() }));
  assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200, 429]);
  assert.equal(last.headers.get('ratelimit-policy'), '"user";q=6;w=40');
  await calm.close();
});

test('only TRUSTED_PROXIES are believed about the address', async () => {
  const alone = await startServer({ on: server });
  const claimed = `10.${a}.${b}.${++hosts}`;
  const addressOf = async (one: TestServer): Promise<string | undefined> => {
    const id = someEmail('request').replace('@', '.');
    const headers = { ...from(claimed).headers, 'x-request-id': id };
    await one.post('/auth/login', { email: someEmail(), password: 'wrong' }, { headers });
    // The sealer of either server may be the one that moves the line.
    let rows: { address: string }[] = [];
    const isSealed = async (): Promise<boolean> => {
      await one.app.settle();
      rows = await one.db.query<{ address: string }>('SELECT address FROM audit.events WHERE request_id = $1', [id]);
      return rows.length > 0;
    };
    await until(isSealed, 5_000, 'the line of the audit');
    return rows[0]?.address;
  };
  assert.equal(await addressOf(server), claimed);
  assert.equal(await addressOf(alone), '127.0.0.1');
  await alone.close();
});
