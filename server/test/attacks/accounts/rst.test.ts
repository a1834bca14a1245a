// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, type TestUser, testClock } from '../../kit.ts';
import { count, linesOf, subjects, tally, times } from './tools.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

const NEW = 'A-fresh-start-0815';
const forgot = (email: string) => server.post('/auth/password/forgot', { email });
const reset = (token: string, password = NEW) => server.post('/auth/password/reset', { token, password });
const login = (email: string, password: string) => server.post('/auth/login', { email, password });

async function resetToken(email: string): Promise<string> {
  assert.equal((await forgot(email)).status, 202);
  return server.linkToken(email, '/reset-password');
}

async function refused(token: string, why: string): Promise<void> {
  const answer = await reset(token);
  assert.deepEqual([answer.status, answer.body.code], [400, 'token_invalid'], why);
}

test('RST-02 of fifty uses of one link at once, each with its own password, exactly one succeeds', async () => {
  const { email, id } = await server.user();
  const token = await resetToken(email);
  const answers = await times(50, (n) => reset(token, `Parallel-reset-${n}-kestrel`));
  const statuses = tally(answers);
  assert.equal(statuses[204], 1, JSON.stringify(statuses));
  assert.equal((statuses[400] ?? 0) + (statuses[503] ?? 0), 49, JSON.stringify(statuses));
  const winner = answers.findIndex((answer) => answer.status === 204);
  assert.equal((await login(email, `Parallel-reset-${winner}-kestrel`)).status, 200);
  assert.equal((await login(email, `Parallel-reset-${winner === 0 ? 1 : 0}-kestrel`)).status, 401);
  assert.equal((await linesOf(server, id)).filter((line) => line === 'user.password_reset success').length, 1);
  await refused(token, 'a second time');
});

test('RST-03 an older link ends with a newer one, with a reset, with a change of password and of address', async () => {
  const { email } = await server.user();
  const older = await resetToken(email);
  const newer = await resetToken(email);
  await refused(older, 'after a newer one');
  assert.equal((await reset(newer)).status, 204);

  const ada = await server.user();
  const before = await resetToken(ada.email);
  const body = { current_password: PASSWORD, new_password: NEW };
  assert.equal((await server.post('/me/password', body, { bearer: ada.accessToken })).status, 204);
  await refused(before, 'after a change of password');

  const bob = await server.user();
  const early = await resetToken(bob.email);
  const to = someEmail('bob');
  await server.post('/me/email', { email: to }, { bearer: bob.accessToken });
  assert.equal(
    (await server.post('/email/confirm', { token: await server.linkToken(to, '/confirm-email') })).status,
    200,
  );
  await refused(early, 'after a change of address');
});

test('RST-04 I-029 an hour later the link is dead, with nothing that cleans up', async () => {
  const { email } = await server.user();
  const token = await resetToken(email);
  clock.advance(3599);
  assert.equal((await reset(token, 'short')).body.code, 'password_rejected', 'a second before it is alive');
  clock.advance(2);
  await refused(token, 'after its hour');
  assert.equal((await count(server, 'auth.one_time_tokens WHERE expires_at < $1', new Date(clock.now()))) > 0, true);
});

test('I-031 a link whose time is zero or in the far past is expired, and one without a time cannot be', async () => {
  const { email, id } = await server.user();
  for (const when of ['epoch', '-infinity', '0001-01-01']) {
    const token = await resetToken(email);
    await server.db.execute(`UPDATE auth.one_time_tokens SET expires_at = '${when}' WHERE user_id = $1`, [id]);
    await refused(token, when);
  }
  await assert.rejects(server.db.execute('UPDATE auth.one_time_tokens SET expires_at = NULL WHERE user_id = $1', [id]));
});

test('RST-05 a link names its account: nothing in the body can name another', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  const token = await resetToken(ada.email);
  for (const extra of [{ email: bob.email }, { user_id: bob.id }, { id: bob.id }, { userId: bob.id }]) {
    const answer = await server.post('/auth/password/reset', { token, password: NEW, ...extra });
    assert.equal(answer.body.code, 'validation_failed');
  }
  for (const bad of [[token], { token }, `${token},${token}`, `${token}\n`, null, 0, '']) {
    assert.equal((await server.post('/auth/password/reset', { token: bad, password: NEW })).status, 400);
  }
  assert.equal((await reset(token)).status, 204);
  assert.equal((await login(bob.email, NEW)).status, 401);
  assert.equal((await login(bob.email, bob.password)).status, 200);
});

test('RST-07 I-054 a reset ends every session, refresh token and known device, and tells the owner once', async () => {
  const ada = await server.user();
  const cookie = await signIn(ada, 'cookie');
  const elsewhere = await signIn(ada, 'token');
  const before = await subjects(server, ada.email);
  const lines = await linesOf(server, ada.id);
  assert.equal((await reset(await resetToken(ada.email))).status, 204);
  for (const bearer of [ada.accessToken, elsewhere.body.access_token]) {
    assert.equal((await server.get('/me', { bearer })).status, 401);
  }
  for (const refresh_token of [ada.refreshToken, elsewhere.body.refresh_token]) {
    const answer = await server.post('/auth/refresh', { refresh_token });
    assert.deepEqual([answer.status, answer.body.code], [401, 'session_revoked']);
  }
  const session = cookie.headers
    .getSetCookie()
    .find((line) => line.startsWith('session='))
    ?.split(';')[0] as string;
  assert.equal((await server.get('/me', { cookie: session })).status, 401);
  assert.equal(await count(server, 'auth.devices WHERE user_id = $1', ada.id), 0);
  assert.deepEqual((await subjects(server, ada.email)).slice(before.length), [
    'Reset your password',
    'Your password was changed',
  ]);
  assert.deepEqual((await linesOf(server, ada.id)).slice(lines.length), [
    'user.password_reset_requested success',
    'user.password_reset success',
  ]);
});

function signIn({ email, password }: TestUser, session: 'token' | 'cookie') {
  return server.post('/auth/login', { email, password, session });
}

test('RST-08 DOS-03 however often mails are asked for, five an hour are sent, and the last link still works', async () => {
  const { email } = await server.user();
  const before = (await server.mails(email)).length;
  await forgot(email);
  for (let n = 0; n < 4; n++) await forgot(email);
  const last = await server.linkToken(email, '/reset-password');
  assert.deepEqual(tally(await times(60, () => forgot(email))), { 202: 60 });
  assert.equal((await server.mails(email)).length, before + 5);
  assert.equal((await login(email, PASSWORD)).status, 200, 'nobody is locked out by it');
  assert.equal((await reset(last)).status, 204);
  clock.advance(3601);
  await forgot(email);
  assert.equal((await subjects(server, email)).at(-1), 'Reset your password', 'the next hour has its own mails');
});

test('DOS-03 registering somebody’s address again and again sends five mails, and the last link still works', async () => {
  const email = someEmail('victim');
  for (let n = 0; n < 12; n++) await server.post('/auth/register', { email, password: `${PASSWORD}-${n}` });
  assert.equal((await server.mails(email)).length, 5);
  assert.equal((await reset(await server.linkToken(email, '/reset-password'))).status, 204);
  const pending = someEmail('pending');
  await server.post('/auth/register', { email: pending, password: PASSWORD });
  for (let n = 0; n < 12; n++) await server.post('/auth/verify-email/resend', { email: pending });
  assert.equal((await server.mails(pending)).length, 6);
  const token = await server.linkToken(pending, '/verify-email');
  assert.equal((await server.post('/auth/verify-email', { token })).status, 200);
});

test('RST-16 I-001 without the mail no walk through the flow sets a password', async () => {
  const { email, id } = await server.user();
  const known = await resetToken(email);
  const walks: [string, Record<string, unknown>][] = [
    ['/auth/password/reset', { password: NEW }],
    ['/auth/password/reset', { token: '', password: NEW }],
    ['/auth/password/reset', { token: id, password: NEW }],
    ['/auth/password/reset', { token: email, password: NEW }],
    ['/auth/password/reset', { token: 'rp_', password: NEW }],
    ['/auth/password/reset', { token: 'cp_', password: NEW }],
    ['/auth/password/reset', { token: known.replace('rp_', 'cp_'), password: NEW }],
    ['/auth/password/reset', { token: known.slice(3), password: NEW }],
    ['/auth/password/reset', { token: await hashOf(id), password: NEW }],
    ['/me/password', { current_password: PASSWORD, new_password: NEW }],
    ['/me/password', { token: known, new_password: NEW }],
    ['/auth/verify-email', { token: known }],
    ['/auth/verify-email/resend', { email }],
    ['/setup', { token: known, email: someEmail(), password: NEW }],
    ['/auth/register', { email, password: NEW }],
  ];
  for (const [path, body] of walks) {
    const answer = await server.post(path, body);
    assert.ok([400, 401, 202, 403].includes(answer.status), `${path} ${JSON.stringify(body)}: ${answer.text}`);
  }
  assert.equal((await login(email, NEW)).status, 401);
  assert.equal((await reset(known)).status, 204, 'the one way is the link');
});

// I-005: what the database keeps of a link is not the link.
async function hashOf(id: string): Promise<string> {
  const rows = await server.db.query<{ token_hash: Buffer }>(
    "SELECT token_hash FROM auth.one_time_tokens WHERE user_id = $1 AND purpose = 'reset-password' AND used_at IS NULL",
    [id],
  );
  return `rp_${rows[0]?.token_hash.toString('base64url')}`;
}
