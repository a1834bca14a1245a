import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../kit.ts';
import { linesOf, subjects, tally, times } from './tools.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

const WRONG = 'Not-the-password-at-all-9';
const MINUTE = 60;
const login = (email: string, password: string, more: object = {}) =>
  server.post('/auth/login', { email, password, ...more });

async function reasons(email: string): Promise<Record<string, number>> {
  await server.app.settle();
  const rows = await server.db.query<{ reason: string; count: number }>(
    `SELECT reason, count(*) AS count FROM audit.events
      WHERE action = 'session.login_failed' AND personal->>'email' = $1 GROUP BY reason`,
    [email],
  );
  return Object.fromEntries(rows.map((row) => [row.reason, Number(row.count)]));
}

async function fail(email: string, count: number, more: object = {}): Promise<void> {
  for (let guess = 0; guess < count; guess++) assert.equal((await login(email, WRONG, more)).status, 401);
}

test('BRU-01 I-122 of many guesses at one account ten reach the verifier; then even the right one is refused', async () => {
  for (const email of [(await server.user()).email, someEmail()]) {
    await fail(email, 25);
    assert.deepEqual(await reasons(email), { wrong: 10, locked: 15 });
    assert.equal((await login(email, PASSWORD)).status, 401);
  }
});

test('BRU-09 two hundred guesses at once are never more than ten verified', async () => {
  const { email } = await server.user();
  const answers = await times(200, () => login(email, WRONG));
  const statuses = tally(answers);
  assert.equal((statuses[401] ?? 0) + (statuses[503] ?? 0), 200, JSON.stringify(statuses));
  const { wrong = 0, locked = 0 } = await reasons(email);
  assert.ok(wrong <= 10, `${wrong} were verified`);
  assert.equal(wrong + locked, statuses[401]);
  for (const answer of answers.filter((one) => one.status === 503))
    assert.ok(Number(answer.headers.get('retry-after')) >= 1);
});

test('BRU-09 many right passwords at once are no guesses', async () => {
  const { email, id } = await server.user();
  const statuses = tally(await times(30, () => login(email, PASSWORD)));
  assert.equal(statuses[401], undefined, JSON.stringify(statuses));
  assert.ok(!(await linesOf(server, id)).some((line) => line.startsWith('session.login_failed')));
});

test('BRU-05 a known device gets in at once while strangers are refused, and a strange one’s token does not help', async () => {
  const ada = await server.user();
  const eve = await server.user();
  await fail(ada.email, 11);
  assert.equal((await login(ada.email, PASSWORD)).status, 401, 'a stranger with the right password');
  assert.equal((await login(ada.email, PASSWORD, { device_token: eve.deviceToken })).status, 401, 'another’s device');
  const flood = times(40, () => login(ada.email, WRONG));
  const start = performance.now();
  const own = await login(ada.email, PASSWORD, { device_token: ada.deviceToken });
  assert.equal(own.status, 200);
  assert.ok(performance.now() - start < 2000);
  await flood;
  assert.equal(own.body.device_token, ada.deviceToken);
});

test('BRU-05 the device of a cookie session is known by its cookie', async () => {
  const ada = await server.user();
  const answer = await login(ada.email, PASSWORD, { session: 'cookie' });
  const device = answer.headers
    .getSetCookie()
    .find((line) => line.startsWith('device='))
    ?.split(';')[0] as string;
  await fail(ada.email, 11);
  assert.equal((await login(ada.email, PASSWORD)).status, 401);
  const known = await server.post('/auth/login', { email: ada.email, password: PASSWORD }, { cookie: device });
  assert.equal(known.status, 200);
});

test('BRU-05 a known device has ten guesses of its own, too', async () => {
  const ada = await server.user();
  await fail(ada.email, 10, { device_token: ada.deviceToken });
  assert.equal((await login(ada.email, PASSWORD, { device_token: ada.deviceToken })).status, 401);
  assert.equal((await login(ada.email, PASSWORD)).status, 200, 'the account itself was not locked by it');
});

test('BRU-06 success resets the count of that account, and of no other', async () => {
  const [ada, eve] = [await server.user(), await server.user()];
  await fail(ada.email, 9);
  assert.equal((await login(eve.email, PASSWORD)).status, 200);
  await fail(ada.email, 1);
  assert.equal((await login(ada.email.toUpperCase(), PASSWORD)).status, 401, 'locked in every spelling');
  const bob = await server.user();
  for (let round = 0; round < 3; round++) {
    await fail(bob.email, 9);
    assert.equal((await login(bob.email, PASSWORD)).status, 200);
  }
  assert.equal((await reasons(bob.email)).locked, undefined);
});

test('BRU-02 each exhausted window doubles the wait, up to a day', async () => {
  const { email } = await server.user();
  let window = 15 * MINUTE;
  for (let round = 0; round < 4; round++) {
    await fail(email, 10);
    clock.advance(window - 30);
    assert.equal((await login(email, PASSWORD)).status, 401, `round ${round}: before the window ends`);
    clock.advance(31);
    if (round === 3) break;
    window *= 2;
  }
  assert.equal((await login(email, PASSWORD)).status, 200, 'after the window the owner gets in');
  await fail(email, 10);
  clock.advance(15 * MINUTE + 1);
  assert.equal((await login(email, PASSWORD)).status, 200, 'and the wait begins small again');
});

test('BRU-02 after a hundred failures in a row the password is no way in until a reset', async () => {
  const { email, deviceToken, id } = await server.user();
  for (let window = 0; window < 2; window++) {
    await fail(email, 10);
    clock.advance(25 * 3600);
  }
  await server.db.execute('UPDATE auth.guards SET consecutive = 95 WHERE consecutive = 20');
  await fail(email, 10);
  assert.deepEqual(await reasons(email), { wrong: 25, locked: 5 });
  clock.advance(60 * 24 * 3600);
  assert.equal((await login(email, PASSWORD)).status, 401, 'two months later');
  assert.equal((await login(email, PASSWORD, { device_token: deviceToken })).status, 200, 'from the known device');
  await fail(email, 1);
  await server.db.execute('UPDATE auth.guards SET consecutive = 99');
  await fail(email, 1);
  clock.advance(25 * 3600);
  assert.equal((await login(email, PASSWORD)).status, 401);
  await server.post('/auth/password/forgot', { email });
  const token = await server.linkToken(email, '/reset-password');
  assert.equal((await server.post('/auth/password/reset', { token, password: 'A-fresh-start-0815' })).status, 204);
  assert.equal((await login(email, 'A-fresh-start-0815')).status, 200);
  const lines = await linesOf(server, id);
  assert.equal(lines.filter((line) => line === 'user.locked_out failure wrong').length, 2, 'once a full window');
});

test('BRU-04 a right pair from a strange device lets in, and its owner is told', async () => {
  const { email, id } = await server.user();
  const before = await subjects(server, email);
  assert.equal((await login(email, PASSWORD)).status, 200);
  const after = await subjects(server, email);
  assert.equal(after.length, before.length + 1);
  assert.match(after.at(-1) as string, /new sign-in|new device/i);
  assert.equal((await linesOf(server, id)).at(-1), 'session.login success');
});
