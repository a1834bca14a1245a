import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { enrolTotp, firstFactor, nextCode, showFactor, totpCode } from '../../../test/factors.ts';
import { PASSWORD, startServer, type TestServer } from '../../../test/kit.ts';
import { tellUnfinished } from './tell-unfinished.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());

test('after the password a code of the app completes the sign-in, and the token says by what', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const asked = await server.post('/auth/login', { email: ada.email, password: PASSWORD });
  assert.deepEqual(Object.keys(asked.body).sort(), ['factors', 'mfa_token', 'status']);
  assert.deepEqual([asked.status, asked.body.status], [200, 'mfa_required']);
  assert.deepEqual(asked.body.factors, ['totp', 'recovery_code']);
  assert.equal(asked.headers.get('set-cookie'), null);
  assert.equal(asked.headers.get('cache-control'), 'no-store');

  const answer = await showFactor(server, asked.body.mfa_token, 'totp', nextCode(server, secret));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.status, 'complete');
  assert.equal(answer.body.user.mfa.totp, true);
  assert.equal(answer.body.user.mfa.recovery_codes_left, 10);
  const claims = claimsOf(answer.body.access_token);
  assert.deepEqual([claims.amr, claims.acr], [['pwd', 'otp', 'mfa'], 'aal2']);
  assert.equal(claimsOf(ada.accessToken).acr, 'aal1');
  assert.deepEqual((await linesOf(server, ada.id)).slice(-2), [
    'session.mfa_required success',
    'session.login success',
  ]);
});

test('the mode and the device of the first step hold for the second', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const mails = (await subjects(server, ada.email)).length;
  const token = await firstFactor(server, ada, { session: 'cookie', device_token: ada.deviceToken });
  const answer = await showFactor(server, token, 'totp', nextCode(server, secret));
  assert.ok(answer.body.csrf_token);
  assert.equal(answer.body.access_token, undefined);
  assert.equal(answer.headers.getSetCookie().length, 2);
  assert.equal((await subjects(server, ada.email)).length, mails, 'a known device is no news');
});

test('a wrong code is 401 mfa_invalid five times, then the sign-in is over, even for the right one; the owner is told', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const token = await firstFactor(server, ada);
  for (let n = 0; n < 5; n++) {
    const wrong = await showFactor(server, token, 'totp', '000000');
    assert.deepEqual([wrong.status, wrong.body.code], [401, 'mfa_invalid']);
  }
  assert.equal((await showFactor(server, token, 'totp', nextCode(server, secret))).status, 401);
  assert.ok((await subjects(server, ada.email)).includes('Somebody failed at your second factor'));
  assert.equal((await linesOf(server, ada.id)).filter((line) => line.startsWith('session.mfa_failed')).length, 5);
});

test('codes are taken as people type them: with spaces, hyphens, in full-width digits', async () => {
  const ada = await server.user();
  const { secret, recoveryCodes } = await enrolTotp(server, ada);
  const forms: ((code: string) => string)[] = [
    (code) => ` ${code.slice(0, 3)} ${code.slice(3)} `,
    (code) => [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(''),
  ];
  for (const form of forms) {
    const token = await firstFactor(server, ada);
    const answer = await showFactor(server, token, 'totp', form(nextCode(server, secret)));
    assert.equal(answer.status, 200, answer.text);
  }
  const token = await firstFactor(server, ada);
  const typed = (recoveryCodes[0] as string)
    .toUpperCase()
    .replaceAll('-', ' ')
    .replaceAll('0', 'O')
    .replaceAll('1', 'l');
  const answer = await showFactor(server, token, 'recovery_code', typed);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.user.mfa.recovery_codes_left, 9);
});

test('bodies that cannot be a second factor are 400 and say which field', async () => {
  const ada = await server.user();
  await enrolTotp(server, ada);
  const mfa_token = await firstFactor(server, ada);
  const cases: [object, string][] = [
    [{ factor: 'totp', code: '123456' }, 'mfa_token'],
    [{ mfa_token, code: '123456' }, 'factor'],
    [{ mfa_token, factor: 'sms', code: '123456' }, 'factor'],
    [{ mfa_token, factor: 'totp', code: 123456 }, 'code'],
    [{ mfa_token, factor: 'totp', code: ['123456'] }, 'code'],
    [{ mfa_token, factor: 'totp', code: null }, 'code'],
    [{ mfa_token, factor: 'totp', code: '' }, 'code'],
    [{ mfa_token, factor: 'totp', code: '1'.repeat(10_240) }, 'code'],
    [{ mfa_token, factor: 'totp', code: '123456', remember: true }, 'remember'],
  ];
  for (const [body, field] of cases) {
    const answer = await server.post('/auth/mfa', body);
    assert.deepEqual([answer.status, answer.body.errors?.[0]?.field], [400, field], answer.text);
  }
  assert.equal((await server.post('/auth/mfa', { mfa_token, factor: 'totp' })).body.code, 'mfa_invalid');
  assert.equal((await server.post('/auth/mfa', { mfa_token, factor: 'passkey', credential: {} })).status, 401);
});

test('MFA-13 what is no code of the account is refused, and an account without factors has no second step', async () => {
  const ada = await server.user();
  await enrolTotp(server, ada);
  for (const code of ['0000000', '00000', 'abcdef', '１２３４５６７', ' ', '-']) {
    assert.equal((await showFactor(server, await firstFactor(server, ada), 'totp', code)).status, 401, code);
  }
  for (const factor of ['passkey', 'email', 'password']) {
    assert.equal((await showFactor(server, await firstFactor(server, ada), factor, PASSWORD)).status, 401, factor);
  }
  const eve = await server.user();
  for (const token of ['mf_x', eve.refreshToken, eve.deviceToken, eve.accessToken.slice(0, 200)]) {
    assert.equal((await showFactor(server, token, 'totp', '000000')).status, 401);
  }
});

test('the code by mail is a factor of its own: enrolled by a first code, sent anew for each sign-in, good only there', async () => {
  const ada = await server.user();
  const bearer = { bearer: ada.accessToken };
  const sent = await server.post('/me/mfa/email', undefined, bearer);
  assert.equal(sent.status, 202, sent.text);
  const code = (await server.mails(ada.email))[0]?.codes[0] as string;
  assert.ok(!sent.text.includes(code), 'I-006 no code in an answer');
  const confirmed = await server.post('/me/mfa/email/confirm', { flow: sent.body.flow, code }, bearer);
  assert.equal(confirmed.status, 200, confirmed.text);
  assert.equal(confirmed.body.recovery_codes.length, 10);

  const [one, two] = [await firstFactor(server, ada), await firstFactor(server, ada)];
  const before = await showFactor(server, one, 'email', code);
  assert.equal(before.status, 401, 'the code of the enrolment is used');
  for (const mfa_token of [one, two]) assert.equal((await server.post('/auth/mfa/email', { mfa_token })).status, 202);
  const [forTwo, forOne] = (await server.mails(ada.email)).flatMap((mail) => mail.codes).slice(0, 2) as [
    string,
    string,
  ];
  if (forOne !== forTwo) assert.equal((await showFactor(server, two, 'email', forOne)).status, 401, 'I-009');
  const answer = await showFactor(server, one, 'email', forOne);
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(claimsOf(answer.body.access_token).amr, ['pwd', 'email', 'mfa']);
  assert.equal((await showFactor(server, one, 'email', forOne)).status, 401);
  server.clock.advance(601);
  assert.equal((await showFactor(server, two, 'email', forTwo)).status, 401, 'ten minutes');
});

test('a sign-in that waits ends with a change of password, and with the account', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const token = await firstFactor(server, ada);
  const change = { current_password: PASSWORD, new_password: 'Another-lantern-77-green' };
  assert.equal((await server.post('/me/password', change, { bearer: ada.accessToken })).status, 204);
  assert.equal((await showFactor(server, token, 'totp', nextCode(server, secret))).status, 401);

  const again = await firstFactor(server, { ...ada, password: change.new_password });
  const admin = await server.admin();
  await server.post(`/admin/users/${ada.id}/disable`, {}, { bearer: admin.accessToken });
  assert.equal((await showFactor(server, again, 'totp', nextCode(server, secret))).status, 401);
});

test('MFA-03 no code twice, not the one before a newer one, and not across enrolments', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  const used = nextCode(server, secret);
  assert.equal((await showFactor(server, await firstFactor(server, ada), 'totp', used)).status, 200);
  const again = await showFactor(server, await firstFactor(server, ada), 'totp', used);
  assert.equal(again.status, 401, 'I-027 the same code twice');
  server.clock.advance(30);
  const [older, newer] = [totpCode(server, secret), totpCode(server, secret, 1)];
  assert.equal(
    (await showFactor(server, await firstFactor(server, ada), 'totp', newer)).status,
    200,
    'drift of one step',
  );
  const stale = await showFactor(server, await firstFactor(server, ada), 'totp', older);
  assert.equal(stale.status, 401, 'I-027 the previous step after the newer one');
  const eve = await server.user();
  const hers = await enrolTotp(server, eve);
  assert.equal(
    (await showFactor(server, await firstFactor(server, ada), 'totp', nextCode(server, hers.secret))).status,
    401,
  );
  for (const ahead of [-2, 2, 20]) {
    const far = totpCode(server, secret, ahead);
    assert.equal((await showFactor(server, await firstFactor(server, ada), 'totp', far)).status, 401, `${ahead} steps`);
  }
});

test('BRU-11 guesses at the second factor are few for the account, however many sign-ins they are spread over', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  let looked = 0;
  for (let flow = 0; flow < 6; flow++) {
    const token = await firstFactor(server, ada);
    for (let n = 0; n < 4; n++) await showFactor(server, token, 'totp', '000000');
  }
  const reasons = (await server.audit('session.mfa_failed')).filter((line) => line.subject_id === ada.id);
  looked = reasons.filter((line) => line.reason === 'wrong').length;
  assert.equal(looked, 10);
  const stranger = await showFactor(server, await firstFactor(server, ada), 'totp', nextCode(server, secret));
  assert.equal(stranger.status, 401, 'locked for strangers');
  const token = await firstFactor(server, ada, { device_token: ada.deviceToken });
  assert.equal(
    (await showFactor(server, token, 'totp', nextCode(server, secret))).status,
    200,
    'not for a known device',
  );
});

test('BRU-04 a sign-in from a strange device that stops at the second factor is told to the owner, once', async () => {
  const ada = await server.user();
  await enrolTotp(server, ada);
  await firstFactor(server, ada, { device_token: ada.deviceToken });
  server.clock.advance(601);
  await tellUnfinished(server.app.house);
  const title = 'A sign-in stopped at your second factor';
  const told = async () => (await subjects(server, ada.email)).filter((subject) => subject === title).length;
  assert.equal(await told(), 0, 'a known device is no news');
  await firstFactor(server, ada);
  await tellUnfinished(server.app.house);
  assert.equal(await told(), 0, 'it may still be finished');
  server.clock.advance(601);
  await tellUnfinished(server.app.house);
  await tellUnfinished(server.app.house);
  assert.equal(await told(), 1);
});
