import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { count, linesOf, subjects, tally, times, userIdOf } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer({ env: { EMAIL_VERIFICATION: 'optional' } });
});

const register = (body: object, headers: Record<string, string> = {}) =>
  server.post('/auth/register', body, { headers });

test('where verification is optional a registration signs in at once, and the link is mailed all the same', async () => {
  const email = someEmail();
  const answer = await register({ email, password: PASSWORD, name: 'Ada' });
  assert.equal(answer.status, 201);
  const { body } = answer;
  assert.deepEqual(Object.keys(body).sort(), [
    'access_token',
    'device_token',
    'expires_in',
    'refresh_token',
    'status',
    'token_type',
    'user',
  ]);
  assert.equal(body.status, 'complete');
  assert.deepEqual(
    [body.user.email, body.user.email_verified, body.user.name, body.user.roles],
    [email, false, 'Ada', []],
  );
  assert.equal(answer.headers.get('set-cookie'), null);
  assert.equal((await server.get('/me', { bearer: body.access_token })).status, 200);
  assert.deepEqual((await linesOf(server, body.user.id)).sort(), ['session.login success', 'user.registered success']);
  assert.deepEqual(await subjects(server, email), ['Confirm your email address']);
  const token = await server.linkToken(email, '/verify-email');
  assert.equal((await server.post('/auth/verify-email', { token })).status, 200);
  assert.equal((await server.get('/me', { bearer: body.access_token })).body.email_verified, true);
  assert.equal((await server.post('/auth/login', { email, password: PASSWORD })).status, 200);
});

test('an unverified address signs in where verification is optional', async () => {
  const email = someEmail();
  await register({ email, password: PASSWORD });
  const login = await server.post('/auth/login', { email, password: PASSWORD });
  assert.equal(login.status, 200);
  assert.equal(login.body.user.email_verified, false);
});

test('a registration for a cookie session sets the cookies and gives no tokens', async () => {
  const answer = await register({ email: someEmail(), password: PASSWORD, session: 'cookie' });
  assert.equal(answer.status, 201);
  assert.deepEqual(Object.keys(answer.body).sort(), ['csrf_token', 'status', 'user']);
  const cookies = answer.headers.getSetCookie().map((line) => line.split('=')[0]);
  assert.deepEqual(cookies, ['session', 'device']);
});

test('a taken address is 409 there, changes nothing, sends no mail and leaves a line', async () => {
  const email = someEmail();
  const id = (await register({ email, password: PASSWORD })).body.user.id;
  const link = await server.linkToken(email, '/verify-email');
  const again = await register({ email: email.toUpperCase(), password: 'Another-one-entirely-7' });
  assert.deepEqual([again.status, again.body.code], [409, 'email_taken']);
  assert.equal((await server.mails(email)).length, 1);
  assert.equal((await linesOf(server, id)).at(-1), 'user.register_duplicate denied');
  assert.equal((await server.post('/auth/verify-email', { token: link })).status, 200);
});

test('REG-02 of ten registrations of one address at once one is signed in and nine are told', async () => {
  const email = someEmail();
  const answers = await times(10, () => register({ email, password: PASSWORD }));
  assert.deepEqual(tally(answers), { 201: 1, 409: 9 });
  assert.equal(await count(server, 'auth.sessions WHERE user_id = $1', await userIdOf(server, email)), 1);
});

test('an answer that carries tokens is never kept under an idempotency key', async () => {
  const email = someEmail();
  const key = { 'idempotency-key': 'with-tokens' };
  const first = await register({ email, password: PASSWORD }, key);
  assert.equal(first.status, 201);
  assert.equal(await count(server, 'auth.idempotency_keys'), 0);
  const again = await register({ email, password: PASSWORD }, key);
  assert.equal(again.status, 409);
  assert.ok(!again.text.includes('token'));
});

test('DOS-03 registering, deleting and changing the password of an unproven address does not fill its mailbox', async () => {
  const email = someEmail('stranger');
  for (let n = 0; n < 8; n++) {
    const { access_token: bearer } = (await register({ email, password: PASSWORD })).body;
    const body = { current_password: PASSWORD, new_password: `${PASSWORD}-2` };
    assert.equal((await server.post('/me/password', body, { bearer })).status, 204);
    assert.equal((await server.call('DELETE', `${server.config.API_PREFIX}/me`, { bearer })).status, 204);
  }
  assert.ok((await server.mails(email)).length <= 10, 'five for signing up, five notices');
});
