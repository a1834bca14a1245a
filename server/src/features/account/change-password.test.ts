import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { count, linesOf, subjects, tally, times } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const NEW = 'A-fresh-start-0815';
const change = (user: TestUser, current_password: string, new_password = NEW) =>
  server.post('/me/password', { current_password, new_password }, { bearer: user.accessToken });
const login = (email: string, password: string, more: object = {}) =>
  server.post('/auth/login', { email, password, ...more });

test('a change of password ends the other sessions and devices, keeps this one, and tells the owner once', async () => {
  const ada = await server.user();
  const other = (await login(ada.email, PASSWORD)).body;
  const mails = await subjects(server, ada.email);
  const lines = await linesOf(server, ada.id);
  const answer = await change(ada, PASSWORD);
  assert.deepEqual([answer.status, answer.text], [204, '']);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 200);
  assert.equal((await server.post('/auth/refresh', { refresh_token: ada.refreshToken })).status, 200);
  assert.equal((await server.get('/me', { bearer: other.access_token })).status, 401);
  assert.equal(
    (await server.post('/auth/refresh', { refresh_token: other.refresh_token })).body.code,
    'session_revoked',
  );
  assert.equal(await count(server, 'auth.devices WHERE user_id = $1', ada.id), 1);
  assert.deepEqual((await subjects(server, ada.email)).slice(mails.length), ['Your password was changed']);
  assert.deepEqual((await linesOf(server, ada.id)).slice(lines.length), ['user.password_changed success']);
  assert.equal((await login(ada.email, PASSWORD)).status, 401);
  assert.equal((await login(ada.email, NEW, { device_token: ada.deviceToken })).status, 200);
});

test('a wrong current password changes nothing and leaves a line', async () => {
  const ada = await server.user();
  const answer = await change(ada, 'Not-the-password-at-all-9');
  assert.deepEqual([answer.status, answer.body.code], [401, 'invalid_credentials']);
  assert.equal((await linesOf(server, ada.id)).at(-1), 'user.password_changed failure wrong');
  assert.equal((await login(ada.email, PASSWORD)).status, 200);
});

test('BRU-01 whoever has only the session cannot guess the password through its change', async () => {
  const ada = await server.user();
  for (let guess = 0; guess < 10; guess++) await change(ada, `guess-${guess}-of-a-thief`);
  assert.equal((await change(ada, PASSWORD)).status, 401);
  assert.equal((await linesOf(server, ada.id)).at(-1), 'user.password_changed failure locked');
});

test('a cookie session gets a new secret with the change; the old one is dead', async () => {
  const ada = await server.user({ session: 'cookie' });
  const body = { current_password: PASSWORD, new_password: NEW };
  const without = await server.post('/me/password', body, { cookie: ada.cookie });
  assert.equal(without.body.code, 'csrf_invalid');
  const answer = await server.post('/me/password', body, { cookie: ada.cookie, headers: { 'x-csrf-token': ada.csrf } });
  assert.equal(answer.status, 204);
  const fresh = answer.headers.getSetCookie()[0]?.split(';')[0] as string;
  assert.match(fresh, /^session=/);
  assert.notEqual(fresh, ada.cookie);
  assert.equal((await server.get('/me', { cookie: fresh })).status, 200);
  assert.equal((await server.get('/me', { cookie: ada.cookie })).status, 401);
});

test('of five changes at once with the same current password one wins', async () => {
  const ada = await server.user();
  const answers = await times(5, (n) => change(ada, PASSWORD, `Winner-takes-it-all-${n}`));
  assert.deepEqual(tally(answers), { 204: 1, 401: 4 });
  const winner = answers.findIndex((answer) => answer.status === 204);
  assert.equal((await login(ada.email, `Winner-takes-it-all-${winner}`)).status, 200);
});

test('RT-04 a sign-in with the old password beside the change either fails or ends with it', async () => {
  for (let round = 0; round < 6; round++) {
    const ada = await server.user();
    const [changed, other] = await Promise.all([change(ada, PASSWORD), login(ada.email, PASSWORD)]);
    assert.equal(changed.status, 204);
    if (other.status === 200) assert.equal((await server.get('/me', { bearer: other.body.access_token })).status, 401);
    assert.equal(await count(server, 'auth.sessions WHERE user_id = $1 AND ended_at IS NULL', ada.id), 1);
  }
});
