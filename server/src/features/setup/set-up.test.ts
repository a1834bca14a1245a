import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { count, linesOf } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../../test/kit.ts';
import { issueSetupLink } from '../../core/setup/index.ts';

const clock = testClock();
let server: TestServer;
beforeEach(async () => {
  server ??= await startServer({ clock });
  await server.db.execute('DELETE FROM auth.users');
});

async function linkToken(): Promise<string> {
  const link = await server.db.transaction((tx) => issueSetupLink(tx, 'https://auth.example.com', clock.now()));
  assert.match(link as string, /^https:\/\/auth\.example\.com\/setup#token=su_[A-Za-z0-9_-]{43}$/);
  return (link as string).split('#token=')[1] as string;
}

const setUp = (token: string, more: object = {}) =>
  server.post('/setup', { token, email: someEmail('admin'), password: PASSWORD, ...more });

test('the set-up makes a verified administrator, signed in, with one audit line and no mail', async () => {
  const email = someEmail('admin');
  const answer = await setUp(await linkToken(), { email });
  assert.equal(answer.status, 200);
  assert.deepEqual(
    [answer.body.status, answer.body.user.roles, answer.body.user.email_verified],
    ['complete', ['admin'], true],
  );
  assert.equal((await server.get('/me', { bearer: answer.body.access_token })).body.email, email);
  assert.deepEqual(await linesOf(server, answer.body.user.id), ['setup.completed success']);
  assert.deepEqual(await server.mails(email), []);
});

test('the set-up can begin a cookie session', async () => {
  const answer = await setUp(await linkToken(), { session: 'cookie' });
  assert.deepEqual(Object.keys(answer.body).sort(), ['csrf_token', 'status', 'user']);
  assert.deepEqual(
    answer.headers.getSetCookie().map((line) => line.split('=')[0]),
    ['session', 'device'],
  );
});

test('a wrong or expired link makes nobody an administrator', async () => {
  const token = await linkToken();
  for (const bad of ['su_x', `su_${'A'.repeat(43)}`, token.toUpperCase(), token.slice(0, -1)]) {
    assert.equal((await setUp(bad)).body.code, 'token_invalid', bad);
  }
  clock.advance(24 * 3600 + 1);
  assert.equal((await setUp(token)).body.code, 'token_invalid');
  assert.equal(await count(server, 'auth.users'), 0);
});

test('a refused password or a taken address does not use the link up', async () => {
  const token = await linkToken();
  const email = someEmail('taken');
  await server.post('/auth/register', { email, password: PASSWORD });
  assert.equal((await setUp(token, { password: 'short' })).body.code, 'password_rejected');
  assert.equal((await setUp(token, { email })).body.code, 'email_taken');
  assert.equal((await setUp(token, { email: 'nobody' })).body.code, 'validation_failed');
  assert.equal((await setUp(token, { roles: ['admin'] })).body.code, 'validation_failed');
  assert.equal((await setUp(token)).status, 200);
});

test('once there is an administrator the set-up is closed, even with a link from before', async () => {
  const [first, second] = [await linkToken(), await linkToken()];
  assert.equal((await setUp(first)).body.code, 'token_invalid', 'a newer link ends the one before');
  assert.equal((await setUp(second)).status, 200);
  for (const token of [first, second, 'su_x']) assert.equal((await setUp(token)).body.code, 'setup_closed');
  assert.equal(await count(server, 'auth.users'), 1);
});
