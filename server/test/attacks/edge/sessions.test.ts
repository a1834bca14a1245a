import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Answer, expect, PASSWORD, signedIn, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { isProblem } from './oracle.ts';

let server: TestServer;

before(async () => {
  server = await startServer();
});

const me = (credentials: { bearer?: string; cookie?: string }): Promise<Answer> => server.get('/me', credentials);

async function login(user: TestUser, session: 'token' | 'cookie', headers: Record<string, string> = {}) {
  const { email, password } = user;
  const answer = expect(await server.post('/auth/login', { email, password, session }, { headers }), 200);
  return { answer, ...signedIn(answer, email, password) };
}

/** Within how many ms everybody refuses: the promise is a second. */
async function refusedWithin(ms: number, ask: () => Promise<Answer>, status: number, code?: string): Promise<void> {
  const end = Date.now() + ms;
  let answer = await ask();
  while (answer.status !== status && Date.now() < end) answer = await ask();
  isProblem(answer, status);
  if (code) assert.equal(answer.body.code, code);
}

test('a preset session cookie is not adopted: signing in gives a new value, and the old one stays dead (SES-01, I-014)', async () => {
  const user = await server.user();
  const planted = `session=${Buffer.alloc(64, 7).toString('base64url')}`;
  const { cookie } = await login(user, 'cookie', { cookie: planted });
  assert.notEqual(cookie, planted);
  assert.equal((await me({ cookie })).status, 200);
  isProblem(await me({ cookie: planted }), 401, 'unauthenticated');
});

test("an attacker's own session, planted before, gains nothing from the sign-in of its victim (SES-01, I-014)", async () => {
  const [attacker, victim] = [await server.user({ session: 'cookie' }), await server.user()];
  const { cookie } = await login(victim, 'cookie', { cookie: attacker.cookie });
  assert.equal((await me({ cookie: attacker.cookie })).body.email, attacker.email);
  assert.equal((await me({ cookie })).body.email, victim.email);
});

test('proving the password again gives a cookie session a new value and kills the old one (SES-02)', async () => {
  const user = await server.user({ session: 'cookie' });
  const headers = { 'x-csrf-token': user.csrf };
  const answer = await server.post('/auth/reauthenticate', { password: PASSWORD }, { cookie: user.cookie, headers });
  const fresh = expect(answer, 200).headers.getSetCookie()[0]?.split(';')[0] ?? '';
  assert.match(fresh, /^session=/);
  assert.notEqual(fresh, user.cookie);
  assert.equal((await me({ cookie: fresh })).status, 200);
  isProblem(await me({ cookie: user.cookie }), 401, 'unauthenticated');
});

test('on https every cookie is __Host-, Secure, HttpOnly, SameSite, for / and no domain, and small (SES-03)', async () => {
  const other = await startServer({ env: { PUBLIC_URL: 'https://auth.example.com' } });
  const user = await other.user();
  const { email, password } = user;
  const lines = expect(
    await other.post('/auth/login', { email, password, session: 'cookie' }),
    200,
  ).headers.getSetCookie();
  assert.equal(lines.length, 2);
  for (const line of lines) {
    assert.match(
      line,
      /^__Host-(session|device)=[A-Za-z0-9_-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure$/,
    );
    assert.ok(line.length < 4096);
  }
  const [session = ''] = lines.map((line) => line.split(';')[0] as string);
  assert.equal((await other.get('/me', { cookie: session })).status, 200);
  const tossed = session.replace('__Host-', '');
  isProblem(await other.get('/me', { cookie: tossed }), 401, 'unauthenticated');
  assert.equal((await other.get('/me', { cookie: `${tossed}; ${session}` })).status, 200);
  await other.close();
});

test('two cookies of the name are refused, whichever comes first (SES-04)', async () => {
  const user = await server.user({ session: 'cookie' });
  const forged = 'session=x';
  for (const cookie of [`${user.cookie}; ${forged}`, `${forged}; ${user.cookie}`, `${user.cookie}; ${user.cookie}`]) {
    isProblem(await me({ cookie }), 400, 'malformed_request');
  }
});

test('a session is over for its own process with the answer to the sign-out (SES-05)', async () => {
  const user = await server.user();
  assert.equal((await me({ bearer: user.accessToken })).status, 200);
  expect(await server.call('POST', '/api/v1/auth/logout', { bearer: user.accessToken }), 204);
  isProblem(await me({ bearer: user.accessToken }), 401, 'session_revoked');
  isProblem(await server.post('/auth/refresh', { refresh_token: user.refreshToken }), 401, 'session_revoked');
});

test('a cookie session ends with its cookie cleared, and nothing of it is kept by the browser (SES-05, CAC-04)', async () => {
  const user = await server.user({ session: 'cookie' });
  const headers = { 'x-csrf-token': user.csrf };
  const answer = expect(await server.call('POST', '/api/v1/auth/logout', { cookie: user.cookie, headers }), 204);
  assert.match(answer.headers.getSetCookie()[0] ?? '', /^session=; Path=\/; HttpOnly; SameSite=Lax; Max-Age=0/);
  assert.equal(answer.headers.get('clear-site-data'), '"cache"');
  isProblem(await me({ cookie: user.cookie }), 401);
});

test('signing out everywhere ends thirty sessions of both kinds at once (SES-06)', async () => {
  const user = await server.user();
  const others = await Promise.all(Array.from({ length: 30 }, (_, i) => login(user, i % 2 ? 'cookie' : 'token')));
  const credentials = others.map(({ accessToken, cookie }) => (cookie ? { cookie } : { bearer: accessToken }));
  for (const one of credentials) assert.equal((await me(one)).status, 200);
  expect(await server.call('POST', '/api/v1/auth/logout-all', { bearer: user.accessToken }), 204);
  const answers = await Promise.all([...credentials, { bearer: user.accessToken }].map(me));
  for (const answer of answers) isProblem(answer, 401, 'session_revoked');
});

test('except_current leaves the session that asked, and only that (SES-06)', async () => {
  const user = await server.user();
  const other = await login(user, 'cookie');
  expect(await server.post('/auth/logout-all', { except_current: true }, { bearer: user.accessToken }), 204);
  assert.equal((await me({ bearer: user.accessToken })).status, 200);
  isProblem(await me({ cookie: other.cookie }), 401, 'session_revoked');
});

test('a user who was disabled or deleted in the database is out as soon as the feed says so (SES-07, TOK-12)', async () => {
  const [ada, bob] = [await server.user(), await server.user({ session: 'cookie' })];
  assert.equal((await me({ bearer: ada.accessToken })).status, 200);
  assert.equal((await me({ cookie: bob.cookie })).status, 200);
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [ada.id]);
  await server.db.execute('DELETE FROM auth.users WHERE id = $1', [bob.id]);
  await server.db.execute('INSERT INTO auth.changes (subject) VALUES ($1), ($2)', [ada.id, bob.id]);
  await refusedWithin(1_000, () => me({ bearer: ada.accessToken }), 401, 'session_revoked');
  await refusedWithin(1_000, () => me({ cookie: bob.cookie }), 401);
  isProblem(await server.post('/auth/refresh', { refresh_token: ada.refreshToken }), 401, 'session_revoked');
});

test('sessions of others are neither listed nor ended: the answer is as for one that there is not (SES-11)', async () => {
  const [ada, eve] = [await server.user(), await server.user()];
  const list = (who: TestUser) => server.get('/me/sessions', { bearer: who.accessToken });
  const foreign = (await list(ada)).body.data[0].id as string;
  const end = (id: string) => server.call('DELETE', `/api/v1/me/sessions/${id}`, { bearer: eve.accessToken });
  const [theirs, none] = [await end(foreign), await end('019abcde-0000-7000-8000-00000000000a')];
  isProblem(theirs, 404, 'not_found');
  isProblem(none, 404, 'not_found');
  assert.deepEqual({ ...theirs.body, request_id: '' }, { ...none.body, request_id: '' });
  assert.ok((await list(eve)).body.data.every((one: { id: string }) => one.id !== foreign));
  assert.equal((await me({ bearer: ada.accessToken })).status, 200);
});

test('two users in one browser with cookies dropped on the way: who typed the password is who is signed in (SES-14, I-015)', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  const first = await login(ada, 'cookie');
  const headers = { 'x-csrf-token': first.csrf };
  expect(await server.call('POST', '/api/v1/auth/logout', { cookie: first.cookie, headers }), 204);
  const device = first.answer.headers.getSetCookie()[1]?.split(';')[0] ?? '';
  // The browser lost the clearing of the session cookie, and kept the device of the one before.
  const second = await login(bob, 'cookie', { cookie: `${first.cookie}; ${device}` });
  assert.equal(second.answer.body.user.email, bob.email);
  assert.equal((await me({ cookie: second.cookie })).body.email, bob.email);
  isProblem(await me({ cookie: first.cookie }), 401);
});
