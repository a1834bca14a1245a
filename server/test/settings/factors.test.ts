// engines: postgres
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enrolTotp, firstFactor, nextCode, showFactor, totpCode } from '../factors.ts';
import { PASSWORD, startServer, type TestUser } from '../kit.ts';

test('REQUIRE_MFA leads an account without a second factor to enrol one, REQUIRE_MFA_GRACE later', async () => {
  const server = await startServer({ env: { REQUIRE_MFA: 'admin', REQUIRE_MFA_GRACE: '1h' } });
  const login = (user: TestUser) => server.post('/auth/login', { email: user.email, password: PASSWORD });
  const plain = await server.user();
  const boss = await server.user();
  await server.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'admin')", [boss.id]);
  const first = await login(boss);
  assert.equal(first.body.status, 'complete', 'within the grace');
  const left = Date.parse(first.body.mfa_due_at) - server.clock.now();
  assert.ok(left > 3_500_000 && left <= 3_600_000);
  server.clock.advance(1800);
  assert.equal((await login(boss)).body.mfa_due_at, first.body.mfa_due_at, 'signing in does not put it off');
  server.clock.advance(1801);
  assert.equal((await login(plain)).body.status, 'complete', 'other roles are not asked');

  const led = await login(boss);
  assert.deepEqual(Object.keys(led.body).sort(), ['mfa_token', 'status'], 'MFA-11 no token before the factor');
  assert.equal(led.body.status, 'mfa_enrollment_required');
  const { mfa_token } = led.body;
  assert.equal((await showFactor(server, mfa_token, 'totp', '000000')).body.code, 'mfa_invalid');
  const begun = await server.post('/auth/mfa/enroll/totp', { mfa_token });
  assert.equal(begun.status, 200, begun.text);
  const wrong = await server.post('/auth/mfa/enroll/totp/confirm', { mfa_token, code: '000000' });
  assert.equal(wrong.body.code, 'mfa_invalid');
  const code = totpCode(server, begun.body.secret);
  const done = await server.post('/auth/mfa/enroll/totp/confirm', { mfa_token, code });
  assert.equal(done.body.status, 'complete', done.text);
  assert.equal(done.body.recovery_codes.length, 10);
  assert.equal(done.body.user.mfa.totp, true);
  assert.equal((await server.post('/auth/mfa/enroll/totp/confirm', { mfa_token, code })).status, 401);
  assert.equal((await login(boss)).body.status, 'mfa_required');

  const bearer = { bearer: done.body.access_token };
  const last = await server.call('DELETE', `${server.config.API_PREFIX}/me/mfa/totp`, bearer);
  assert.deepEqual([last.status, last.body.code], [409, 'conflict'], 'the last factor stays where policy wants one');
});

test('MFA_EMAIL_CODE=false offers no code by mail as a second factor', async () => {
  for (const MFA_EMAIL_CODE of ['false', 'true']) {
    const server = await startServer({ env: { MFA_EMAIL_CODE } });
    const ada = await server.user();
    const answer = await server.post('/me/mfa/email', undefined, { bearer: ada.accessToken });
    assert.equal(answer.status, MFA_EMAIL_CODE === 'true' ? 202 : 403);
    if (answer.status === 403) assert.equal(answer.body.code, 'feature_disabled');
  }
});

test('a trusted device is asked again after TRUSTED_DEVICE_AGE', async () => {
  for (const [TRUSTED_DEVICE_AGE, status] of [
    ['1h', 'complete'],
    ['0s', 'mfa_required'],
  ] as const) {
    const server = await startServer({ env: { TRUSTED_DEVICE_AGE } });
    const ada = await server.user();
    const { secret } = await enrolTotp(server, ada);
    const trust = { trust_device: true };
    const answer = await showFactor(server, await firstFactor(server, ada), 'totp', nextCode(server, secret), trust);
    const { device_token } = answer.body;
    const login = () => server.post('/auth/login', { email: ada.email, password: PASSWORD, device_token });
    assert.equal((await login()).body.status, status);
    server.clock.advance(3601);
    assert.equal((await login()).body.status, 'mfa_required');
  }
});

test('MFA_RESET_DELAY lets the owner veto what an administrator asked for', async () => {
  for (const [MFA_RESET_DELAY, status] of [
    ['0s', 'done'],
    ['1h', 'scheduled'],
  ] as const) {
    const server = await startServer({ env: { MFA_RESET_DELAY } });
    const boss = await server.admin();
    const ada = await server.user();
    await enrolTotp(server, ada);
    const body = { reason: 'lost the phone' };
    const answer = await server.post(`/admin/users/${ada.id}/reset-mfa`, body, { bearer: boss.accessToken });
    assert.equal(answer.body.status, status);
    const isGone = status === 'done';
    const next = await server.post('/auth/login', { email: ada.email, password: PASSWORD });
    assert.equal(next.body.status, isGone ? 'complete' : 'mfa_required');
    const mails = await server.mails(ada.email);
    assert.equal(
      mails.some((mail) => mail.links.some((link) => link.includes('/veto-factor-reset#'))),
      !isGone,
    );
  }
});
