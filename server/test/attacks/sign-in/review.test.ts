// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { enrolTotp, firstFactor, nextCode, showFactor, totpCode } from '../../factors.ts';
import { expect, PASSWORD, signedIn, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { addPasskey } from './passkey-tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const bearer = (user: { accessToken: string }) => ({ bearer: user.accessToken });
const login = (user: TestUser, more: object = {}, on = server) =>
  on.post('/auth/login', { email: user.email, password: user.password, ...more });
const again = async (user: TestUser): Promise<TestUser> =>
  signedIn(expect(await login(user), 200), user.email, user.password);

async function enrolMail(user: TestUser, on = server): Promise<void> {
  const { flow } = expect(await on.post('/me/mfa/email', undefined, bearer(user)), 202).body;
  const code = (await on.mails(user.email))[0]?.codes[0];
  expect(await on.post('/me/mfa/email/confirm', { flow, code }, bearer(user)), 200);
}

test('the last recovery code lets its owner in', async () => {
  const ada = await server.user();
  const { recoveryCodes } = await enrolTotp(server, ada);
  for (const [index, code] of recoveryCodes.entries()) {
    const answer = await showFactor(server, await firstFactor(server, ada), 'recovery_code', code);
    assert.equal(answer.body.status, 'complete', answer.text);
    assert.equal(answer.body.user.mfa.recovery_codes_left, 9 - index);
  }
});

test('MFA-06 an enrolment that a thief has begun is not confirmed past the factor that the owner added meanwhile', async () => {
  const ada = await server.user();
  const thief = await again(ada);
  const { secret } = (await server.post('/me/mfa/totp', undefined, bearer(thief))).body;
  expect(await addPasskey(server, ada), 201);
  const answer = await server.post('/me/mfa/totp/confirm', { code: totpCode(server, secret) }, bearer(thief));
  assert.deepEqual([answer.status, answer.body.code], [403, 'reauthentication_required'], answer.text);
});

test('a change of address takes a second factor where there is one, since codes go there', async () => {
  const ada = await server.user();
  const thief = await again(ada);
  await enrolMail(ada);
  const answer = await server.post('/me/email', { email: 'evil@example.com' }, bearer(thief));
  assert.deepEqual([answer.status, answer.body.code], [403, 'reauthentication_required']);
});

test('MFA-11 what waits for an enrolment ends with a factor that the account got elsewhere', async () => {
  const strict = await startServer({ env: { REQUIRE_MFA: 'everyone', REQUIRE_MFA_GRACE: '1h' } });
  const ada = await strict.user();
  strict.clock.advance(3601);
  const { mfa_token } = (await login(ada, {}, strict)).body;
  const begun = await strict.post('/auth/mfa/enroll/totp', { mfa_token });
  await strict.post('/auth/reauthenticate', { password: PASSWORD }, bearer(ada));
  const fresh = {
    ...ada,
    accessToken: (await strict.post('/auth/refresh', { refresh_token: ada.refreshToken })).body.access_token,
  };
  await strict.post('/auth/reauthenticate', { password: PASSWORD }, bearer(fresh));
  await enrolMail(fresh, strict);
  const code = totpCode(strict, begun.body.secret);
  assert.equal((await strict.post('/auth/mfa/enroll/totp/confirm', { mfa_token, code })).body.code, 'mfa_invalid');
  assert.equal((await strict.post('/auth/mfa/enroll/totp', { mfa_token })).body.code, 'mfa_invalid');
});

test('signing out everywhere beside tries at a second factor goes through', async () => {
  for (let round = 0; round < 3; round++) {
    const ada = await server.user();
    await enrolTotp(server, ada);
    const token = await firstFactor(server, ada);
    const [out, ...tries] = await Promise.all([
      server.post('/auth/logout-all', {}, bearer(ada)),
      ...Array.from({ length: 4 }, () => showFactor(server, token, 'totp', '000000')),
    ]);
    assert.equal(out.status, 204, out.text);
    for (const one of tries) assert.equal(one.status, 401, one.text);
  }
});

test('REQUIRE_MFA reaches sessions of before: they are good for enrolling a factor, and no more', async () => {
  const strict = await startServer({ env: { REQUIRE_MFA: 'admin' } });
  const ada = await strict.user();
  const boss = await strict.user();
  await strict.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'admin')", [boss.id]);
  assert.equal((await strict.get('/me/sessions', bearer(ada))).status, 200, 'other roles go on');
  const { access_token } = expect(await strict.post('/auth/refresh', { refresh_token: boss.refreshToken }), 200).body;
  await strict.app.house.sessions.reload(boss.user.id as string).catch(() => undefined);
  const session = { ...boss, accessToken: access_token };
  await strict.app.house.unit.record({ changed: [boss.id] });
  const refused = await strict.get('/admin/users', bearer(session));
  assert.deepEqual([refused.status, refused.body.code], [403, 'mfa_enrollment_required'], refused.text);
  assert.equal((await strict.get('/me', bearer(session))).status, 200);
  const { secret } = expect(await strict.post('/me/mfa/totp', undefined, bearer(session)), 200).body;
  expect(await strict.post('/me/mfa/totp/confirm', { code: totpCode(strict, secret) }, bearer(session)), 200);
  assert.equal((await strict.get('/admin/users', bearer(session))).status, 200);
});

test('a reset of factors that waits ends when the owner shows one: it was not lost', async () => {
  const waiting = await startServer({ env: { MFA_RESET_DELAY: '1h' } });
  const boss = await waiting.admin();
  const ada = await waiting.user();
  const { secret } = await enrolTotp(waiting, ada);
  const path = `/admin/users/${ada.id}/reset-mfa`;
  expect(await waiting.post(path, { reason: 'somebody called' }, bearer(boss)), 202);
  const token = (await login(ada, {}, waiting)).body.mfa_token;
  expect(await showFactor(waiting, token, 'totp', nextCode(waiting, secret)), 200);
  waiting.clock.advance(3601);
  assert.equal((await login(ada, {}, waiting)).body.status, 'mfa_required');
  assert.ok((await waiting.audit('mfa.reset_vetoed')).length === 1);
});

test('a proof from the old mailbox is worth nothing once the address has changed', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const { flow } = (await server.post('/auth/otp', { email: ada.email })).body;
  const code = (await server.mails(ada.email))[0]?.codes[0];
  const asked = await server.post('/auth/otp/verify', { flow, code });
  assert.equal(asked.body.status, 'mfa_required', asked.text);
  const to = `new-${ada.email}`;
  expect(await server.post('/me/email', { email: to }, bearer(ada)), 202);
  expect(await server.post('/email/confirm', { token: await server.linkToken(to, '/confirm-email') }), 200);
  const late = await showFactor(server, asked.body.mfa_token, 'totp', nextCode(server, secret));
  assert.equal(late.body.code, 'mfa_invalid');
});

test('EML-04 undoing a change of address takes away the ways in that were added since', async () => {
  const ada = await server.user();
  expect(await server.post('/me/email', { email: `evil-${ada.email}` }, bearer(ada)), 202);
  const token = await server.linkToken(ada.email, '/undo-email');
  expect(await addPasskey(server, ada), 201);
  expect(await server.post('/email/undo', { token }), 200);
  const left = await server.db.query('SELECT 1 FROM auth.passkeys WHERE user_id = $1', [ada.id]);
  assert.equal(left.length, 0);
});

test('signing out everywhere makes no device trusted any longer', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const trust = { trust_device: true };
  const trusted = await showFactor(server, await firstFactor(server, ada), 'totp', nextCode(server, secret), trust);
  const { device_token, access_token } = trusted.body;
  expect(await server.post('/auth/logout-all', {}, { bearer: access_token }), 204);
  assert.equal((await login(ada, { device_token })).body.status, 'mfa_required');
});
