// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { tally, times } from './tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const login = (email: string, password: string) => server.post('/auth/login', { email, password });
const register = (password: unknown, more: object = {}) =>
  server.post('/auth/register', { email: someEmail(), password, ...more });

async function codeOf(password: string, more: object = {}): Promise<string> {
  const answer = await register(password, more);
  assert.equal(answer.status, 400, `${password}: ${answer.text}`);
  assert.equal(answer.body.code, 'password_rejected');
  assert.equal(answer.body.errors[0].field, 'password');
  return answer.body.errors[0].code;
}

test('PWD-01 what is too short is refused with the rule that it breaks', async () => {
  const answer = await register('Qx7!pvz');
  assert.equal(answer.body.code, 'password_rejected');
  assert.deepEqual(answer.body.errors, [
    { field: 'password', code: 'too_short', message: 'Use at least 8 characters.' },
  ]);
  assert.equal(await codeOf(''), 'too_short');
  assert.equal(await codeOf('👩‍🚀🦊'), 'too_short', 'characters are counted, not bytes');
});

test('PWD-01 PASSWORD_MIN_LENGTH holds on every route that sets a password', async () => {
  const strict = await startServer({ env: { PASSWORD_MIN_LENGTH: '15' } });
  const short = 'Quokka-lant-42'; // 14
  const email = someEmail();
  const first = await strict.post('/auth/register', { email, password: short });
  assert.equal(first.body.errors[0].message, 'Use at least 15 characters.');
  const ada = await strict.user();
  await strict.post('/auth/password/forgot', { email: ada.email });
  const token = await strict.linkToken(ada.email, '/reset-password');
  const reset = await strict.post('/auth/password/reset', { token, password: short });
  assert.deepEqual([reset.body.code, reset.body.errors[0].code], ['password_rejected', 'too_short']);
  const body = { current_password: ada.password, new_password: short };
  const change = await strict.post('/me/password', body, { bearer: ada.accessToken });
  assert.deepEqual([change.body.code, change.body.errors[0].field], ['password_rejected', 'new_password']);
  const better = await strict.post('/auth/password/reset', { token, password: `${short}x` });
  assert.equal(better.status, 204, 'the link survives a refused password');
});

test('PWD-02 long ones, spaces and emoji are accepted, and only the exact text signs in', async () => {
  const passwords = [
    'correct horse battery staple, twice over and then a little more!', // 64
    'Zq7-ülm '.repeat(16).slice(0, 127).concat('.'),
    `${'fjord glyph vext quiz '.repeat(12).slice(0, 255)}k`, // 256
    '🦊🎷 Köln am 🐘-Tag um 3',
    '  leading and trailing  ',
  ];
  for (const password of passwords) {
    const { email } = await server.user({ password });
    const near = [`${password} `, password.slice(0, -1), password.toUpperCase(), password.trimStart().trimEnd()];
    for (const other of near.filter((text) => text !== password)) {
      assert.equal((await login(email, other)).status, 401, JSON.stringify(other));
    }
  }
  assert.equal(await codeOf(`${'fjord glyph vext quiz '.repeat(12).slice(0, 256)}k`), 'too_long');
});

test('PWD-04 PWD-07 NUL, control characters and half surrogates never reach a hash', async () => {
  const { email } = await server.user({ password: 'abc-fjord-glyph' });
  for (const password of [
    'abc-fjord-glyph\u0000',
    'abc-fjord-glyph\u0000def',
    'abc-\ud800-fjord',
    'abc-\udc00-fjord',
  ]) {
    assert.equal((await login(email, password)).status, 400, JSON.stringify(password));
    assert.equal((await register(password)).status, 400);
  }
  assert.equal(await codeOf('abc-fjord\u0007glyph'), 'invalid_characters');
  const raw = Buffer.concat([
    Buffer.from(`{"email":"${email}","password":"abc-`),
    Buffer.from([0xc3, 0x28]),
    Buffer.from('"}'),
  ]);
  const invalid = await server.call('POST', `${server.config.API_PREFIX}/auth/login`, {
    raw: raw as never,
    type: 'application/json',
  });
  assert.equal(invalid.status, 400, 'invalid UTF-8');
  const replaced = await server.user({ password: 'abc-\ufffd-fjord' });
  assert.equal((await login(replaced.email, 'abc-\ud800-fjord')).status, 400);
});

test('PWD-05 a password of a megabyte is refused at once, and no hash is run', async () => {
  const megabyte = 'x1'.repeat(500_000);
  const { accessToken, email } = await server.user();
  const calls = [
    () => server.post('/auth/login', { email, password: megabyte }),
    () => server.post('/auth/register', { email: someEmail(), password: megabyte }),
    () => server.post('/auth/password/reset', { token: 'rp_x', password: megabyte }),
    () => server.post('/setup', { token: 'su_x', email: someEmail(), password: megabyte }),
    () => server.post('/me/password', { current_password: megabyte, new_password: megabyte }, { bearer: accessToken }),
  ];
  const hashed = async () => /hash_duration_seconds_count\S* (\d+)/.exec(await server.app.metrics.text())?.[1];
  const before = await hashed();
  assert.ok(Number(before) > 0);
  for (const call of calls) {
    const start = performance.now();
    assert.equal((await call()).status, 413);
    assert.ok(performance.now() - start < 500);
  }
  for (const length of [1025, 20_000]) assert.equal((await login(email, 'x'.repeat(length))).status, 400);
  assert.equal(await hashed(), before);
});

test('PWD-06 the same text in NFC and NFD is one password on every route, and a compatible one is another', async () => {
  const [nfc, nfd] = ['Ångström-é-lantern', 'Ångström-é-lantern'].map((text, index) =>
    text.normalize(index ? 'NFD' : 'NFC'),
  ) as [string, string];
  const ada = await server.user({ password: nfd });
  assert.equal((await login(ada.email, nfc)).status, 200);
  assert.equal((await login(ada.email, nfd)).status, 200);
  const change = { current_password: nfc, new_password: `new-${nfc}` };
  assert.equal((await server.post('/me/password', change, { bearer: ada.accessToken })).status, 204);
  assert.equal((await login(ada.email, `new-${nfd}`)).status, 200);
  await server.post('/auth/password/forgot', { email: ada.email });
  const token = await server.linkToken(ada.email, '/reset-password');
  assert.equal((await server.post('/auth/password/reset', { token, password: `x²-${nfd}` })).status, 204);
  assert.equal((await login(ada.email, `x²-${nfc}`)).status, 200);
  assert.equal((await login(ada.email, `x2-${nfc}`)).status, 401);
});

test('PWD-08 common, predictable and personal ones are refused', async () => {
  for (const password of ['password', 'Password1!', 'iloveyou', 'football1', 'P@ssw0rd'])
    assert.equal(await codeOf(password), 'common', password);
  for (const password of ['aaaaaaaaaa', 'abababababab', 'qwertyuiop', '1234567890', 'abcdefgh']) {
    assert.match(await codeOf(password), /predictable|common/, password);
  }
  assert.equal(await codeOf('auth-api-2026'), 'personal');
  const email = 'wilhelmina.featherstone@example.com';
  assert.equal(await codeOf('wilhelmina.featherstone', { email }), 'personal');
  assert.equal(await codeOf(email, { email }), 'personal');
  assert.equal(await codeOf('Featherstone1!', { email: someEmail(), name: 'Wilhelmina Featherstone' }), 'personal');
});

test('PWD-14 two hundred sign-ins at once: the queue is bounded, the excess is told when to come back, health answers', async () => {
  const { email } = await server.user();
  const flood = times(200, (n) => login(n % 2 === 0 ? someEmail() : email, PASSWORD));
  const slowest = [];
  for (let n = 0; n < 5; n++) {
    const start = performance.now();
    assert.equal((await server.call('GET', '/health')).status, 200);
    slowest.push(performance.now() - start);
  }
  const answers = await flood;
  const statuses = tally(answers);
  assert.equal((statuses[200] ?? 0) + (statuses[401] ?? 0) + (statuses[503] ?? 0), 200, JSON.stringify(statuses));
  for (const busy of answers.filter((answer) => answer.status === 503)) {
    assert.equal(busy.body.code, 'busy');
    assert.equal(busy.headers.get('retry-after'), String(busy.body.retry_after));
  }
  assert.ok(Math.min(...slowest) < 1000, `health took ${slowest.map(Math.round)} ms`);
});
