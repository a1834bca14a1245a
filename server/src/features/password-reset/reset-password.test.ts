import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const NEW = 'A-fresh-start-0815';
const forgot = (email: string) => server.post('/auth/password/forgot', { email });
const reset = (token: string, password = NEW) => server.post('/auth/password/reset', { token, password });

test('a reset sets the password, signs nobody in, and proves the address', async () => {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  const asked = await forgot(email);
  assert.deepEqual([asked.status, asked.body], [202, { status: 'reset_sent' }]);
  const answer = await reset(await server.linkToken(email, '/reset-password'));
  assert.equal(answer.status, 204);
  assert.equal(answer.text, '');
  assert.equal(answer.headers.get('set-cookie'), null);
  const login = await server.post('/auth/login', { email, password: NEW });
  assert.equal(login.body.user.email_verified, true);
});

test('a refused password does not use the link up, and names the rule', async () => {
  const { email } = await server.user({ name: 'Wilhelmina Featherstone' });
  await forgot(email);
  const token = await server.linkToken(email, '/reset-password');
  for (const [password, code] of [
    ['short', 'too_short'],
    ['password123', 'common'],
    ['featherstone', 'personal'],
  ] as const) {
    const answer = await reset(token, password);
    assert.deepEqual([answer.status, answer.body.code, answer.body.errors[0].code], [400, 'password_rejected', code]);
  }
  assert.equal((await reset(token)).status, 204);
});

test('an address without an account gets no mail, and the line names nobody', async () => {
  const email = someEmail('nobody');
  await forgot(email);
  assert.deepEqual(await server.mails(email), []);
  const [last] = (await server.audit('user.password_reset_requested')).slice(-1);
  assert.deepEqual([last?.outcome, last?.subject_id], ['denied', null]);
});

test('a disabled account gets no link, and one from before is not valid', async () => {
  const { email, id } = await server.user();
  await forgot(email);
  const token = await server.linkToken(email, '/reset-password');
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [id]);
  assert.equal((await reset(token)).body.code, 'token_invalid');
  const before = await subjects(server, email);
  await forgot(email);
  assert.deepEqual(await subjects(server, email), before);
  assert.equal((await linesOf(server, id)).at(-1), 'user.password_reset_requested denied');
});

test('RT-04 a sign-in beside the reset either fails or ends with it', async () => {
  for (let round = 0; round < 8; round++) {
    const { email, refreshToken } = await server.user();
    await forgot(email);
    const token = await server.linkToken(email, '/reset-password');
    const [done, login, refreshed] = await Promise.all([
      reset(token),
      server.post('/auth/login', { email, password: PASSWORD }),
      server.post('/auth/refresh', { refresh_token: refreshToken }),
    ]);
    assert.equal(done.status, 204);
    for (const answer of [login, refreshed]) {
      if (answer.status !== 200) continue;
      assert.equal((await server.get('/me', { bearer: answer.body.access_token })).status, 401, `round ${round}`);
      const next = await server.post('/auth/refresh', { refresh_token: answer.body.refresh_token });
      assert.equal(next.status, 401);
    }
    const alive = await server.db.query(
      'SELECT 1 FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id WHERE u.email = $1 AND s.ended_at IS NULL',
      [email],
    );
    assert.deepEqual(alive, []);
  }
});

test('a passwordless account can get a password by the link', async () => {
  const { email, id } = await server.user();
  await server.db.execute('UPDATE auth.users SET password_hash = NULL WHERE id = $1', [id]);
  await forgot(email);
  assert.equal((await reset(await server.linkToken(email, '/reset-password'))).status, 204);
  const login = await server.post('/auth/login', { email, password: NEW });
  assert.equal(login.body.user.has_password, true);
});
