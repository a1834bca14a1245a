import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { enrolTotp, firstFactor, nextCode, showFactor, totpCode } from '../../../test/factors.ts';
import { PASSWORD, signedIn, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer({ env: { SERVICE_NAME: 'Example Ltd' } });
});

const remove = (path: string, user: { accessToken: string }) =>
  server.call('DELETE', `${server.config.API_PREFIX}${path}`, { bearer: user.accessToken });

async function withFactor(user: TestUser, secret: string): Promise<TestUser> {
  const answer = await showFactor(server, await firstFactor(server, user), 'totp', nextCode(server, secret));
  assert.equal(answer.status, 200, answer.text);
  return signedIn(answer, user.email, user.password);
}

test('the app gets the secret as text, link and image, and it counts only once a code of it was seen', async () => {
  const ada = await server.user();
  const bearer = { bearer: ada.accessToken };
  const { body } = await server.post('/me/mfa/totp', undefined, bearer);
  assert.match(body.secret, /^[A-Z2-7]{32}$/);
  assert.equal(
    body.otpauth_uri,
    `otpauth://totp/Example%20Ltd:${encodeURIComponent(ada.email)}?secret=${body.secret}&issuer=Example%20Ltd&algorithm=SHA1&digits=6&period=30`,
  );
  assert.match(body.qr_svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg".*<\/svg>\s*$/s);
  assert.equal((await server.post('/auth/login', { email: ada.email, password: PASSWORD })).body.status, 'complete');
  assert.equal((await server.post('/me/mfa/totp/confirm', { code: '000000' }, bearer)).body.code, 'mfa_invalid');

  const again = await server.post('/me/mfa/totp', undefined, bearer);
  assert.notEqual(again.body.secret, body.secret, 'begun anew');
  const old = await server.post('/me/mfa/totp/confirm', { code: totpCode(server, body.secret) }, bearer);
  assert.equal(old.status, 401);
  const done = await server.post('/me/mfa/totp/confirm', { code: totpCode(server, again.body.secret) }, bearer);
  assert.equal(done.status, 200, done.text);
  assert.equal(new Set(done.body.recovery_codes).size, 10);
  for (const code of done.body.recovery_codes) assert.match(code, /^([0-9a-hjkmnp-tv-z]{4}-){5}[0-9a-hjkmnp-tv-z]{4}$/);
  assert.equal((await server.post('/me/mfa/totp', undefined, bearer)).body.code, 'factor_exists');
  assert.deepEqual((await linesOf(server, ada.id)).slice(-2), [
    'mfa.enrolled success',
    'mfa.recovery_codes_created success',
  ]);
  assert.equal((await subjects(server, ada.email)).at(-1), 'An authenticator app was added');
  const state = await server.get('/me/mfa', bearer);
  assert.deepEqual(state.body, {
    factors: ['totp', 'recovery_code'],
    totp: true,
    email: false,
    passkeys: 0,
    recovery_codes_left: 10,
  });
});

test('MFA-08 the secret and the codes are shown once: nothing gives them out later, and at rest they are sealed', async () => {
  const ada = await server.user();
  const { secret, recoveryCodes } = await enrolTotp(server, ada);
  const admin = await server.admin();
  const texts = [
    (await server.get('/me', { bearer: ada.accessToken })).text,
    (await server.get('/me/mfa', { bearer: ada.accessToken })).text,
    (await server.post('/me/export', undefined, { bearer: ada.accessToken })).text,
    (await server.get(`/admin/users/${ada.id}`, { bearer: admin.accessToken })).text,
    JSON.stringify(await server.db.query('SELECT * FROM auth.totp t, auth.recovery_codes c')),
    JSON.stringify(await server.db.query('SELECT * FROM audit.events')),
    JSON.stringify(await server.mails(ada.email)),
  ];
  for (const text of texts) {
    for (const value of [secret, ...recoveryCodes]) assert.ok(!text.includes(value));
  }
});

test('an enrolment that is not confirmed within half an hour is forgotten', async () => {
  const ada = await server.user();
  const { secret } = (await server.post('/me/mfa/totp', undefined, { bearer: ada.accessToken })).body;
  server.clock.advance(31 * 60);
  const fresh = signedIn(
    await server.post('/auth/login', { email: ada.email, password: PASSWORD }),
    ada.email,
    PASSWORD,
  );
  const late = await server.post(
    '/me/mfa/totp/confirm',
    { code: totpCode(server, secret) },
    { bearer: fresh.accessToken },
  );
  assert.equal(late.body.code, 'mfa_invalid');
});

test('MFA-06 nobody changes the factors with a session alone, or with the password alone where there is a factor', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  server.clock.advance(601);
  for (const [method, path] of [
    ['DELETE', '/me/mfa/totp'],
    ['POST', '/me/mfa/recovery-codes'],
    ['POST', '/me/mfa/email'],
  ] as const) {
    const old = await server.call(method, `${server.config.API_PREFIX}${path}`, { bearer: ada.accessToken });
    assert.equal(old.body.code, 'reauthentication_required', path);
  }
  const byPassword = await server.post('/auth/reauthenticate', { password: PASSWORD }, { bearer: ada.accessToken });
  assert.equal(byPassword.status, 200);
  const half = { accessToken: byPassword.body.access_token };
  const refused = await remove('/me/mfa/totp', half);
  assert.deepEqual([refused.status, refused.body.code], [403, 'reauthentication_required']);
  assert.deepEqual(refused.body.factors, ['totp', 'recovery_code']);

  const wrong = { factor: 'totp', code: '000000' };
  assert.equal(
    (await server.post('/auth/reauthenticate', wrong, { bearer: half.accessToken })).body.code,
    'mfa_invalid',
  );
  const right = { factor: 'totp', code: nextCode(server, secret) };
  const stepped = await server.post('/auth/reauthenticate', right, { bearer: half.accessToken });
  assert.equal(stepped.status, 200, stepped.text);
  const whole = { accessToken: stepped.body.access_token };
  assert.equal((await remove('/me/mfa/totp', whole)).status, 204);
  assert.equal((await remove('/me/mfa/totp', whole)).status, 404);
  assert.deepEqual((await server.get('/me/mfa', { bearer: whole.accessToken })).body.factors, []);
  const left = await server.db.query('SELECT 1 FROM auth.recovery_codes WHERE user_id = $1', [ada.id]);
  assert.equal(left.length, 0, 'recovery codes go with the last factor');
  assert.equal((await server.post('/auth/login', { email: ada.email, password: PASSWORD })).body.status, 'complete');
});

test('REC-02 a new set of recovery codes voids the old one, each code works once, and its use is told', async () => {
  const ada = await server.user();
  const { secret, recoveryCodes } = await enrolTotp(server, ada);
  const session = await withFactor(ada, secret);
  const fresh = await server.post('/me/mfa/recovery-codes', undefined, { bearer: session.accessToken });
  assert.equal(fresh.status, 200, fresh.text);
  const [old, code] = [recoveryCodes[0] as string, fresh.body.recovery_codes[0] as string];
  assert.equal((await showFactor(server, await firstFactor(server, ada), 'recovery_code', old)).status, 401);
  const answer = await showFactor(server, await firstFactor(server, ada), 'recovery_code', code);
  assert.equal(answer.body.user?.mfa.recovery_codes_left, 9, answer.text);
  assert.equal((await showFactor(server, await firstFactor(server, ada), 'recovery_code', code)).status, 401);
  const [used] = (await server.mails(ada.email)).filter((mail) => mail.subject === 'A recovery code was used');
  assert.match(used?.text ?? '', /Codes left: 9\./);
  const plain = await server.user();
  const none = await server.post('/me/mfa/recovery-codes', undefined, { bearer: plain.accessToken });
  assert.deepEqual([none.status, none.body.code], [409, 'conflict']);
});

test('REC-03 recovery codes carry 120 bits and are kept as keyed hashes', async () => {
  const ada = await server.user();
  const { recoveryCodes } = await enrolTotp(server, ada);
  for (const code of recoveryCodes) assert.equal(code.replaceAll('-', '').length * 5, 120);
  const rows = await server.db.query<{ code_hash: Buffer }>(
    'SELECT code_hash FROM auth.recovery_codes WHERE user_id = $1',
    [ada.id],
  );
  assert.equal(rows.length, 10);
  for (const row of rows) assert.equal(row.code_hash.length, 32);
});

test('MFA-09 a trusted device is spared the question: on it, for its owner, until the password or the factors change', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const token = await firstFactor(server, ada);
  const answer = await showFactor(server, token, 'totp', nextCode(server, secret), { trust_device: true });
  const { device_token } = answer.body;
  const login = (more: object, who = ada) =>
    server.post('/auth/login', { email: who.email, password: who.password, ...more });
  const spared = await login({ device_token });
  assert.equal(spared.body.status, 'complete', spared.text);
  assert.equal((await login({})).body.status, 'mfa_required');
  assert.equal((await login({ device_token: `${device_token}x` })).body.status, 'mfa_required');
  const eve = await server.user();
  await enrolTotp(server, eve);
  assert.equal((await login({ device_token }, eve)).body.status, 'mfa_required', 'another user');

  const list = await server.get('/me/trusted-devices', { bearer: spared.body.access_token });
  assert.equal(list.body.data.filter((one: { trusted_until: string | null }) => one.trusted_until !== null).length, 1);
  assert.ok((await linesOf(server, ada.id)).includes('device.trusted success'));

  const change = { current_password: PASSWORD, new_password: 'Another-lantern-77-green' };
  assert.equal((await server.post('/me/password', change, { bearer: spared.body.access_token })).status, 204);
  const after = await login({ device_token }, { ...ada, password: change.new_password });
  assert.equal(after.body.status, 'mfa_required', 'after a change of password');
});

test('a forgotten device is asked again', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const token = await firstFactor(server, ada);
  const trusted = await showFactor(server, token, 'totp', nextCode(server, secret), { trust_device: true });
  assert.equal((await remove('/me/trusted-devices', { accessToken: trusted.body.access_token })).status, 204);
  const { device_token } = trusted.body;
  assert.equal(
    (await server.post('/auth/login', { email: ada.email, password: PASSWORD, device_token })).body.status,
    'mfa_required',
  );
});

test('SES-02 confirming a factor gives a cookie session a new value, and the old one is dead', async () => {
  const ada = await server.user({ session: 'cookie' });
  const headers = { 'x-csrf-token': ada.csrf };
  const { secret } = (await server.post('/me/mfa/totp', undefined, { cookie: ada.cookie, headers })).body;
  const code = totpCode(server, secret);
  const done = await server.post('/me/mfa/totp/confirm', { code }, { cookie: ada.cookie, headers });
  const fresh = done.headers.getSetCookie()[0]?.split(';')[0] as string;
  assert.notEqual(fresh, ada.cookie);
  assert.equal((await server.get('/me', { cookie: fresh })).status, 200);
  assert.equal((await server.get('/me', { cookie: ada.cookie })).status, 401);
});
