import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { before, test } from 'node:test';
import { type Answer, expect, PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { isProblem } from './oracle.ts';

const ADDRESS = { max: 6, minutes: 15 };
const LOGIN = { max: 4, seconds: 60 };
const USER = { max: 9, seconds: 60 };

let server: TestServer;

before(async () => {
  server = await startServer({
    env: {
      TRUSTED_PROXIES: '127.0.0.1',
      RATE_LIMIT_MAX: String(ADDRESS.max),
      RATE_LIMIT_WINDOW: String(ADDRESS.minutes),
      RATE_LIMIT_LOGIN: `${LOGIN.max}/${LOGIN.seconds}`,
      RATE_LIMIT_USER: `${USER.max}/${USER.seconds}`,
    },
  });
  // Windows are aligned to the clock: no test is to run across the end of one.
  const length = ADDRESS.minutes * 60;
  server.clock.advance(length - (Math.floor(server.clock.now() / 1000) % length) + 1);
});

// Of its own for each test: the counts are shared with whoever else uses this Redis.
const ipv4 = (): string => `100.${64 + randomInt(64)}.${randomInt(256)}.${randomInt(256)}`;
const prefix = (): string => `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}`;
const from = (address: string) => ({ 'x-forwarded-for': address });

const guess = (address: string, email = 'nobody@example.com'): Promise<Answer> =>
  server.post('/auth/login', { email, password: 'wrong' }, { headers: from(address) });
const look = (address: string, credentials = {}): Promise<Answer> =>
  server.get('/me', { headers: from(address), ...credentials });

async function signUp(): Promise<{ email: string; accessToken: string; refreshToken: string }> {
  const email = someEmail();
  expect(await server.post('/auth/register', { email, password: PASSWORD }, { headers: from(ipv4()) }), 202);
  const token = await server.linkToken(email, '/verify-email');
  expect(await server.post('/auth/verify-email', { token }, { headers: from(ipv4()) }), 200);
  const answer = expect(
    await server.post('/auth/login', { email, password: PASSWORD }, { headers: from(ipv4()) }),
    200,
  );
  return { email, accessToken: answer.body.access_token, refreshToken: answer.body.refresh_token };
}

// A second may pass between two answers.
const remaining = (answer: Answer) => answer.headers.get('ratelimit')?.replace(/;t=\d+$/, '');

function isLimited(answer: Answer, policy: string, max: number, seconds: number): void {
  isProblem(answer, 429, 'rate_limited');
  const { retry_after } = answer.body;
  assert.equal(answer.body.policy, policy);
  assert.ok(Number.isInteger(retry_after) && retry_after >= 1 && retry_after <= seconds, `${retry_after} s`);
  assert.equal(answer.headers.get('retry-after'), String(retry_after));
  assert.equal(answer.headers.get('ratelimit-policy'), `"${policy}";q=${max};w=${seconds}`);
  assert.equal(answer.headers.get('ratelimit'), `"${policy}";r=0;t=${retry_after}`);
}

test('an address without a session gets RATE_LIMIT_MAX requests per window, then a 429 that explains itself', async () => {
  const address = ipv4();
  for (let left = ADDRESS.max - 1; left >= 0; left--) {
    const answer = await look(address);
    isProblem(answer, 401);
    assert.match(answer.headers.get('ratelimit') ?? '', new RegExp(`^"address";r=${left};t=\\d+$`));
  }
  isLimited(await look(address), 'address', ADDRESS.max, ADDRESS.minutes * 60);
  isProblem(await look(ipv4()), 401);
});

test('routes that take a credential have the stricter limit, known and unknown accounts alike (ENU-08, BRU-01)', async () => {
  const { email } = await signUp();
  const [known, unknown] = [ipv4(), ipv4()];
  for (let count = 0; count < LOGIN.max; count++) {
    const [a, b] = [await guess(known, email), await guess(unknown)];
    isProblem(a, 401, 'invalid_credentials');
    assert.equal(remaining(a), remaining(b));
  }
  for (const [address, who] of [
    [known, email],
    [unknown, 'nobody@example.com'],
  ] as const) {
    isLimited(await guess(address, who), 'login', LOGIN.max, LOGIN.seconds);
  }
});

test('every route that takes a credential counts for the same limit', async () => {
  const paths = ['/auth/register', '/auth/login', '/auth/password/forgot', '/auth/verify-email/resend', '/setup'];
  const address = ipv4();
  for (const path of paths.slice(0, LOGIN.max)) {
    isProblem(await server.post(path, {}, { headers: from(address) }), 400, 'validation_failed');
  }
  for (const path of paths)
    isLimited(await server.post(path, {}, { headers: from(address) }), 'login', LOGIN.max, LOGIN.seconds);
});

test('the limit counts guesses that arrive together one by one (BRU-09)', async () => {
  const address = ipv4();
  const answers = await Promise.all(Array.from({ length: 40 }, () => guess(address, someEmail())));
  assert.equal(answers.filter(({ status }) => status !== 429).length, LOGIN.max);
});

test('an IPv6 subscriber is one, whatever address of the /64 and whatever spelling is used (BRU-08, I-091)', async () => {
  const net = prefix();
  const spellings = [
    `${net}::1`,
    `${net}:0:0:0:2`,
    `${net.toUpperCase()}::3`,
    `[${net}::4]:443`,
    `${net}:ffff:ffff:ffff:ffff`,
  ];
  for (const address of spellings.slice(0, LOGIN.max)) isProblem(await guess(address), 401);
  for (const address of [...spellings, `${net}::${randomBytes(2).toString('hex')}`]) {
    isLimited(await guess(address), 'login', LOGIN.max, LOGIN.seconds);
  }
  isProblem(await guess(`${prefix()}::1`), 401);
  const four = ipv4();
  for (const address of [four, `::ffff:${four}`, `${four}:8080`, `::FFFF:${four}`])
    isProblem(await guess(address), 401);
  isLimited(await guess(four), 'login', LOGIN.max, LOGIN.seconds);
});

test('wrong refresh tokens count for their address, by its /64 where it is IPv6 (BRU-08)', async () => {
  const net = prefix();
  const wrong = (host: number) =>
    server.post('/auth/refresh', { refresh_token: 'rt_x' }, { headers: from(`${net}::${host}`) });
  for (let host = 1; host <= ADDRESS.max; host++) isProblem(await wrong(host), 401, 'refresh_token_invalid');
  isLimited(await wrong(99), 'address', ADDRESS.max, ADDRESS.minutes * 60);
});

test('a signed-in user is counted as such, on all addresses together, and not for the address', async () => {
  const { accessToken } = await signUp();
  const address = ipv4();
  for (let count = 0; count < USER.max; count++) {
    const answer = expect(await look(count % 2 ? address : ipv4(), { bearer: accessToken }), 200);
    assert.match(answer.headers.get('ratelimit') ?? '', new RegExp(`^"user";r=${USER.max - 1 - count};`));
  }
  isLimited(await look(ipv4(), { bearer: accessToken }), 'user', USER.max, USER.seconds);
  isProblem(await look(address), 401);
});

test('a refresh is refused before it rotates, so that the limit costs nobody the session', async () => {
  let { refreshToken } = await signUp();
  const use = () => server.post('/auth/refresh', { refresh_token: refreshToken }, { headers: from(ipv4()) });
  for (let count = 0; count < USER.max; count++) refreshToken = expect(await use(), 200).body.refresh_token;
  isLimited(await use(), 'user', USER.max, USER.seconds);
  server.clock.advance(USER.seconds);
  expect(await use(), 200);
});

test('what asks for nothing is never counted: health, keys, contract, pages, OPTIONS', async () => {
  const address = ipv4();
  const paths = [
    '/health',
    '/ready',
    '/.well-known/jwks.json',
    '/docs',
    '/api/v1/openapi.json',
    '/verify-email',
    '/dev/inbox',
  ];
  for (const path of [...paths, ...paths]) {
    const answer = expect(await server.call('GET', path, { headers: from(address) }), 200);
    assert.equal(answer.headers.get('ratelimit'), null, path);
    expect(await server.call('OPTIONS', path, { headers: from(address) }), 204);
  }
  const answer = await look(address);
  assert.match(answer.headers.get('ratelimit') ?? '', new RegExp(`r=${ADDRESS.max - 1};`));
});

test('looking for what is not there counts as any other request', async () => {
  const address = ipv4();
  for (let count = 0; count < ADDRESS.max; count++) {
    isProblem(await server.call('GET', `/wp-admin/${count}`, { headers: from(address) }), 404, 'not_found');
  }
  isLimited(await server.call('GET', '/wp-admin/', { headers: from(address) }), 'address', ADDRESS.max, 900);
});

test('only what a trusted proxy says is believed, from right to left; the rest is the client’s own claim (I-089, I-090)', async () => {
  const real = ipv4();
  for (let count = 0; count < LOGIN.max; count++) {
    const claims = [ipv4(), 'garbage', '127.0.0.1', '', 'unknown', '::1', ipv4()][count] as string;
    isProblem(await guess(`${claims}, ${real}`), 401, 'invalid_credentials');
  }
  isLimited(await guess(`${ipv4()}, ${real}, 127.0.0.1`), 'login', LOGIN.max, LOGIN.seconds);
});

test('an address that cannot be read is no way around anything: the password decides, and the limit counts (I-089)', async () => {
  const { email } = await signUp();
  for (const odd of ['', 'x', '999.1.1.1', "1' OR '1'='1", '%00', '-1', '0x7f.1', `${'1'.repeat(5_000)}`]) {
    const answer = await server.post(
      '/auth/login',
      { email, password: 'wrong' },
      { headers: { 'x-forwarded-for': odd } },
    );
    assert.ok(answer.status === 401 || answer.status === 429, `${odd}: ${answer.status}`);
  }
});
