import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const login = (email: string, more: object = {}, headers: Record<string, string> = {}) =>
  server.post('/auth/login', { email, password: PASSWORD, ...more }, { headers });

test('a sign-in answers with tokens, the device and the user, and writes one line', async () => {
  const ada = await server.user();
  const lines = await linesOf(server, ada.id);
  const mails = await subjects(server, ada.email);
  const answer = await login(ada.email, { device_token: ada.deviceToken });
  assert.equal(answer.status, 200);
  const fields = ['access_token', 'device_token', 'expires_in', 'refresh_token', 'status', 'token_type', 'user'];
  assert.deepEqual(Object.keys(answer.body).sort(), fields);
  assert.deepEqual(
    [answer.body.status, answer.body.token_type, answer.body.expires_in],
    ['complete', 'Bearer', server.config.JWT_EXPIRES_IN],
  );
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('set-cookie'), null);
  assert.deepEqual((await linesOf(server, ada.id)).slice(lines.length), ['session.login success']);
  assert.deepEqual(await subjects(server, ada.email), mails, 'a known device is no news');
  const me = await server.get('/me', { bearer: answer.body.access_token });
  assert.equal(me.body.last_login_at, answer.body.user.last_login_at);
});

test('a sign-in for a cookie session sets two cookies that scripts cannot read, and gives no token', async () => {
  const ada = await server.user();
  const answer = await login(ada.email, { session: 'cookie' });
  assert.deepEqual(Object.keys(answer.body).sort(), ['csrf_token', 'status', 'user']);
  const cookies = answer.headers.getSetCookie();
  assert.equal(cookies.length, 2);
  for (const cookie of cookies)
    assert.match(cookie, /^(session|device)=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
});

test('on https the cookies are Secure and bound to the host', async () => {
  const https = await startServer({ env: { PUBLIC_URL: 'https://auth.example.com' } });
  const email = someEmail();
  await https.post('/auth/register', { email, password: PASSWORD });
  await https.post('/auth/verify-email', { token: await https.linkToken(email, '/verify-email') });
  const answer = await https.post('/auth/login', { email, password: PASSWORD, session: 'cookie' });
  for (const cookie of answer.headers.getSetCookie()) {
    assert.match(cookie, /^__Host-(session|device)=[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure$/);
  }
});

test('SES-01 a session cookie or token that was there before does not become the new session', async () => {
  const [ada, eve] = [await server.user(), await server.user({ session: 'cookie' })];
  const answer = await server.post(
    '/auth/login',
    { email: ada.email, password: PASSWORD, session: 'cookie' },
    { cookie: eve.cookie },
  );
  assert.equal(answer.status, 200);
  const fresh = answer.headers.getSetCookie()[0]?.split(';')[0] as string;
  assert.notEqual(fresh, eve.cookie);
  assert.equal((await server.get('/me', { cookie: fresh })).body.email, ada.email);
  assert.equal((await server.get('/me', { cookie: eve.cookie })).body.email, eve.email);
});

test('403 email_not_verified comes only after the right password, starts no session, and leaves a line', async () => {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  const answer = await login(email);
  assert.deepEqual([answer.status, answer.body.code], [403, 'email_not_verified']);
  assert.equal(answer.headers.get('set-cookie'), null);
  const [{ sessions }] = (await server.db.query<{ sessions: number }>(
    'SELECT count(*) AS sessions FROM auth.sessions s JOIN auth.users u ON u.id = s.user_id WHERE u.email = $1',
    [email],
  )) as [{ sessions: number }];
  assert.equal(Number(sessions), 0);
  for (let n = 0; n < 15; n++) assert.equal((await login(email)).status, 403, 'the right password is no guess');
});

test('a body that is not valid is 400 and says which field', async () => {
  const cases: [object, string][] = [
    [{ email: 7, password: 'x' }, 'email'],
    [{ email: 'nobody', password: 'x' }, 'email'],
    [{ email: someEmail() }, 'password'],
    [{ email: someEmail(), password: '' }, 'password'],
    [{ email: someEmail(), password: 'x', remember: true }, 'remember'],
    [{ email: someEmail(), password: 'x', session: 'forever' }, 'session'],
    [{ email: someEmail(), password: 'x', device_token: 'x'.repeat(101) }, 'device_token'],
  ];
  for (const [body, field] of cases) {
    const answer = await server.post('/auth/login', body);
    assert.deepEqual([answer.status, answer.body.code, answer.body.errors[0].field], [400, 'validation_failed', field]);
  }
});

test('a device token that is nobody’s, or another’s, makes the sign-in one from a new device', async () => {
  const [ada, eve] = [await server.user(), await server.user()];
  for (const device_token of ['dt_x', eve.deviceToken, '']) {
    const answer = await login(ada.email, { device_token });
    assert.equal(answer.status, 200);
    assert.notEqual(answer.body.device_token, device_token);
  }
  const news = (await subjects(server, ada.email)).length;
  assert.equal(news, 4, 'the registration and three new devices');
});
