// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../kit.ts';
import { from, some64, someAddress, tally } from './tools.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({
    env: { TRUSTED_PROXIES: '127.0.0.0/8', RATE_LIMIT_LOGIN: '5/60', RATE_LIMIT_MAX: '20', RATE_LIMIT_WINDOW: '15' },
    clock,
  });
});

const guess = (address: string, email = someEmail()) =>
  server.post('/auth/login', { email, password: 'Spring-sprung-2026!' }, from(address));

test('BRU-03 one password sprayed over many accounts is stopped by the count of its address', async () => {
  const address = someAddress();
  const answers = [];
  for (let account = 0; account < 12; account++) answers.push(await guess(address));
  assert.deepEqual(tally(answers), { 401: 5, 429: 7 });
  const refused = answers[11];
  assert.equal(refused?.body.policy, 'login');
  assert.match(refused?.headers.get('ratelimit') as string, /^"login";r=0;t=\d+$/);
  assert.equal((await server.audit('limits.exceeded')).length, 1, 'one line for the window, not one for each refusal');
  assert.equal((await guess(someAddress())).status, 401, 'others are not affected');
});

test('BRU-08 every spelling of one IPv6 /64, and of a mapped IPv4 address, is one key', async () => {
  const net = some64();
  const spellings = [`${net}::1`, `${net.toUpperCase()}::A`, `${net}:1:2:3:4`, `[${net}::5]:4711`, `${net}:0:0:0:6`];
  for (const spelling of spellings) assert.equal((await guess(spelling)).status, 401, spelling);
  assert.equal((await guess(`${net}:ffff:ffff:ffff:ffff`)).status, 429);
  const four = someAddress();
  const hex = four
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  const mapped = [
    four,
    `::ffff:${four}`,
    `::FFFF:${hex.slice(0, 4)}:${hex.slice(4)}`,
    `${four}:99`,
    `0:0:0:0:0:ffff:${four}`,
  ];
  for (const spelling of mapped) assert.equal((await guess(spelling)).status, 401, spelling);
  assert.equal((await guess(four)).status, 429);
});

test('I-089 garbage for an address is no way in, and no fresh count', async () => {
  const ada = await person();
  const answers = [];
  for (const garbage of [
    '',
    'unknown',
    '999.1.1.1',
    '::::',
    `${'1'.repeat(4000)}`,
    '127.0.0.1, ,',
    'fe80::1%eth0',
    "' OR 1=1",
  ]) {
    const answer = await server.post('/auth/login', { email: ada, password: 'wrong' }, from(`${garbage}`));
    assert.ok(answer.status === 401 || answer.status === 429, `${garbage}: ${answer.status}`);
    answers.push(answer);
  }
  assert.ok(
    answers.some((answer) => answer.status === 429),
    'all of them counted as the peer',
  );
  // A claimed address in front of the one that the proxy saw changes nothing.
  const own = someAddress();
  const claims = await Promise.all([1, 2, 3, 4, 5, 6, 7].map((n) => guess(`10.9.8.${n}, ${own}`)));
  const statuses = tally(claims);
  assert.equal((statuses[401] ?? 0) + (statuses[429] ?? 0), 7);
  assert.ok((statuses[429] ?? 0) >= 2, 'one address, whatever it claims in front of its own');
});

async function person(): Promise<string> {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD }, from(someAddress()));
  const token = await server.linkToken(email, '/verify-email');
  await server.post('/auth/verify-email', { token }, from(someAddress()));
  return email;
}

test('ENU-08 the 429 of an address does not depend on whether the account exists', async () => {
  const known = await person();
  for (const email of [known, someEmail()]) {
    const address = someAddress();
    const statuses = [];
    for (let n = 0; n < 6; n++) statuses.push((await guess(address, email)).status);
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429]);
  }
});

test('I-123 guesses at reset, verification and undo links are counted, and none is right', async () => {
  const email = await person();
  await server.post('/auth/password/forgot', { email }, from(someAddress()));
  const address = someAddress();
  const answers = [];
  for (let n = 0; n < 24; n++) {
    const token = `rp_${n.toString().padStart(43, 'A')}`;
    const path = ['/auth/password/reset', '/auth/verify-email', '/email/undo', '/email/confirm'][n % 4] as string;
    const body = path.endsWith('reset') ? { token, password: 'A-fresh-start-0815' } : { token };
    answers.push(await server.post(path, body, from(address)));
  }
  assert.deepEqual(tally(answers), { 400: 20, 429: 4 });
  assert.equal(answers[23]?.body.policy, 'address');
});

test('the window of an address ends, and its guesses count anew', async () => {
  const address = someAddress();
  for (let n = 0; n < 6; n++) await guess(address);
  const refused = await guess(address);
  assert.equal(refused.status, 429);
  clock.advance(refused.body.retry_after);
  assert.equal((await guess(address)).status, 401);
});
