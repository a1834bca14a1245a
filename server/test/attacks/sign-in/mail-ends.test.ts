// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { enrolTotp, nextCode, showFactor } from '../../factors.ts';
import { PASSWORD, someEmail, startServer, type TestServer, type TestUser, testClock } from '../../kit.ts';
import { count, linesOf, subjects, userIdOf } from '../accounts/tools.ts';
import { byMail } from './mail-tools.ts';

const clock = testClock();
let server: TestServer;
let mail: ReturnType<typeof byMail>;
before(async () => {
  server = await startServer({ clock });
  mail = byMail(server);
});

const NEW = 'A-fresh-start-0815';

async function resetPassword(email: string, on = server): Promise<void> {
  await on.post('/auth/password/forgot', { email });
  const token = await on.linkToken(email, '/reset-password');
  assert.equal((await on.post('/auth/password/reset', { token, password: NEW })).status, 204);
}

const ends: Record<string, (user: TestUser) => Promise<unknown>> = {
  'a change of password': (user) =>
    server.post('/me/password', { current_password: PASSWORD, new_password: NEW }, { bearer: user.accessToken }),
  'a reset of the password': (user) => resetPassword(user.email),
  'signing out everywhere': (user) => server.post('/auth/logout-all', {}, { bearer: user.accessToken }),
  'disabling, though it is enabled again': async (user) => {
    const { accessToken: bearer } = await server.admin();
    assert.equal((await server.post(`/admin/users/${user.id}/disable`, {}, { bearer })).status, 200);
    assert.equal((await server.post(`/admin/users/${user.id}/enable`, undefined, { bearer })).status, 200);
  },
};

for (const [name, end] of Object.entries(ends)) {
  test(`${name} ends links, codes, codes of links and sign-ins that wait for a second factor`, async () => {
    const user = await server.user();
    const [link, shown, code] = [await mail.link(user.email), await mail.link(user.email), await mail.code(user.email)];
    const shownCode = (await mail.showCode(shown.token)).body.code;
    await end(user);
    const answers = [
      await mail.useLink({ flow: link.flow, token: link.token }),
      await mail.useLink({ flow: shown.flow, code: shownCode }),
      await mail.useCode(code),
      await mail.showCode(link.token),
    ];
    assert.deepEqual(
      answers.map((answer) => answer.body.code),
      Array(4).fill('token_invalid'),
    );
    const open = "auth.one_time_tokens WHERE user_id = $1 AND used_at IS NULL AND purpose <> 'undo-email'";
    assert.equal(await count(server, open, user.id), 0);
  });
}

test('a disabled account gets nothing and gets in by nothing that was sent before', async () => {
  const user = await server.user();
  const [link, code] = [await mail.link(user.email), await mail.code(user.email)];
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [user.id]);
  assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).body.code, 'token_invalid');
  assert.equal((await mail.useCode(code)).body.code, 'token_invalid');
  assert.equal((await mail.showCode(link.token)).body.code, 'token_invalid');
  assert.deepEqual((await linesOf(server, user.id)).slice(-2), [
    'session.login_failed failure token_invalid',
    'session.login_failed failure token_invalid',
  ]);
});

test('RST-06 a reset with a second factor on changes the password, keeps the factor and the codes, and signs nobody in', async () => {
  const user = await server.user();
  const { secret } = await enrolTotp(server, user);
  const waiting = await server.post('/auth/login', { email: user.email, password: PASSWORD });
  const device = (
    await showFactor(server, waiting.body.mfa_token, 'totp', nextCode(server, secret), { trust_device: true })
  ).body.device_token;
  const spared = await server.post('/auth/login', { email: user.email, password: PASSWORD, device_token: device });
  assert.equal(spared.body.status, 'complete', 'a trusted device is spared the question');
  const open = await server.post('/auth/login', { email: user.email, password: PASSWORD });
  const sessions = () => count(server, 'auth.sessions WHERE user_id = $1 AND ended_at IS NULL', user.id);
  await resetPassword(user.email);
  assert.equal(await sessions(), 0);
  const late = await showFactor(server, open.body.mfa_token, 'totp', nextCode(server, secret));
  assert.equal(late.status, 401, 'what the old password began has ended');
  assert.equal((await server.post('/auth/login', { email: user.email, password: PASSWORD })).status, 401);
  const login = await server.post('/auth/login', { email: user.email, password: NEW, device_token: device });
  assert.deepEqual([login.status, login.body.status], [200, 'mfa_required'], 'no device is trusted any more');
  assert.equal(await sessions(), 0);
  const done = await showFactor(server, login.body.mfa_token, 'totp', nextCode(server, secret));
  assert.equal(done.status, 200);
  assert.deepEqual([done.body.user.mfa.totp, done.body.user.mfa.recovery_codes_left], [true, 10]);
});

/** A provider that somebody else has linked. */
async function linkForeign(on: TestServer, id: string): Promise<void> {
  await on.db.execute(
    `INSERT INTO auth.identities (id, user_id, provider, issuer, subject, created_at, last_used_at)
     VALUES ($1, $1, 'evil', 'https://evil.test', 'mallory', now(), now())`,
    [id],
  );
}

test('EML-07 EML-08 a reset of an account that never proved its address leaves nothing of who set it up', async () => {
  const optional = await startServer({ clock, env: { EMAIL_VERIFICATION: 'optional' } });
  const email = someEmail('victim');
  const early = (await optional.post('/auth/register', { email, password: PASSWORD, name: 'Mallory' })).body;
  const { id } = early.user;
  await enrolTotp(optional, { accessToken: early.access_token } as TestUser);
  await linkForeign(optional, id);
  const waiting = (await optional.post('/auth/login', { email, password: PASSWORD })).body.mfa_token;
  await resetPassword(email, optional);
  for (const table of ['totp', 'recovery_codes', 'identities', 'passkeys', 'devices'])
    assert.equal(await count(optional, `auth.${table} WHERE user_id = $1`, id), 0, table);
  assert.equal((await optional.get('/me', { bearer: early.access_token })).status, 401);
  assert.equal((await optional.post('/auth/refresh', { refresh_token: early.refresh_token })).status, 401);
  const late = await optional.post('/auth/mfa', { mfa_token: waiting, factor: 'totp', code: '000000' });
  assert.equal(late.status, 401);
  assert.equal((await optional.post('/auth/login', { email, password: PASSWORD })).status, 401);
  const mine = await optional.post('/auth/login', { email, password: NEW });
  assert.deepEqual([mine.body.status, mine.body.user.email_verified, mine.body.user.name], ['complete', true, null]);
  const lines = await linesOf(optional, id);
  assert.ok(lines.includes('user.claimed success') && lines.includes('user.password_reset success'));
  assert.deepEqual((await subjects(optional, email)).slice(-2).sort(), [
    'Your account is now yours alone',
    'Your password was changed',
  ]);
});

test('EML-08 so does the link to choose a password, which an address gets that is registered twice', async () => {
  const email = someEmail('victim');
  await server.post('/auth/register', { email, password: PASSWORD, name: 'Mallory' });
  const id = await userIdOf(server, email);
  await linkForeign(server, id);
  await server.post('/auth/register', { email, password: PASSWORD });
  const token = await server.linkToken(email, '/reset-password');
  assert.ok(token.startsWith('cp_'));
  assert.equal((await server.post('/auth/password/reset', { token, password: NEW })).status, 204);
  assert.equal(await count(server, 'auth.identities WHERE user_id = $1', id), 0);
  const mine = await server.post('/auth/login', { email, password: NEW });
  assert.deepEqual([mine.body.user.id, mine.body.user.email_verified, mine.body.user.name], [id, true, null]);
});

test('a reset of an account that only had a password tells of the password alone', async () => {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  await resetPassword(email);
  assert.ok(!(await subjects(server, email)).includes('Your account is now yours alone'));
});
