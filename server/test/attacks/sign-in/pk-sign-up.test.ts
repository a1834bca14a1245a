import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { authenticator } from '../../authenticator.ts';
import { expect, PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { count, essence, linesOf, subjects, tally, times, userIdOf } from '../accounts/tools.ts';
import { personWithPasskey, requestOptions, said, signInWith, signUpWith } from './passkey-tools.ts';

let server: TestServer;
let open: TestServer;
before(async () => {
  server = await startServer();
  open = await startServer({ env: { EMAIL_VERIFICATION: 'optional' } });
});

const REJECTED = [400, 'passkey_rejected'];
const verify = async (email: string) =>
  expect(await server.post('/auth/verify-email', { token: await server.linkToken(email, '/verify-email') }), 200);
const optionsFor = async (email: string, name?: string) =>
  expect(await server.post('/auth/passkeys/sign-up/options', { email, ...(name && { name }) }), 200).body;

test('an account without a password: made by a passkey, confirmed by the link, entered by the passkey', async () => {
  const email = someEmail();
  const key = authenticator();
  const options = await optionsFor(email, ' Ada ');
  assert.deepEqual([options.user.name, options.user.displayName, options.excludeCredentials], [email, 'Ada', []]);
  const answer = await server.post('/auth/passkeys/sign-up', key.create(options));
  assert.deepEqual([answer.status, answer.body], [202, { status: 'verification_sent' }]);
  assert.deepEqual(await subjects(server, email), ['Confirm your email address']);
  const id = await userIdOf(server, email);
  assert.equal(Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url'), options.user.id);
  assert.deepEqual((await linesOf(server, id)).sort(), ['passkey.added success', 'user.registered success']);
  assert.deepEqual(said(await signInWith(server, key)), [403, 'email_not_verified']);
  await verify(email);
  const login = await signInWith(server, key);
  assert.equal(login.status, 200, login.text);
  const { has_password, name, mfa } = login.body.user;
  assert.deepEqual([has_password, name, mfa.passkeys], [false, 'Ada', 1]);
  const bearer = { bearer: login.body.access_token };
  const codes = await server.post('/me/mfa/recovery-codes', undefined, bearer);
  assert.equal(codes.status, 200, 'a passkey counts as the second factor that this takes');
  const list = (await server.get('/me/passkeys', bearer)).body.data;
  const last = await server.call('DELETE', `${server.config.API_PREFIX}/me/passkeys/${list[0].id}`, bearer);
  assert.deepEqual(said(last), [409, 'last_sign_in_method']);
});

test('REG-01 a taken address gets options of the same shape and the same answer, and its owner is told', async () => {
  const owner = await server.user();
  const [free, taken] = [await optionsFor(someEmail()), await optionsFor(owner.email)];
  const shapeOf = (options: { user: object }) =>
    JSON.stringify({ ...options, challenge: 0, user: Object.keys(options.user) });
  assert.equal(shapeOf(free), shapeOf(taken));
  const key = authenticator();
  const answers = [
    await server.post('/auth/passkeys/sign-up', authenticator().create(free)),
    await server.post('/auth/passkeys/sign-up', key.create(taken)),
  ];
  assert.deepEqual(essence(answers[0] as never), essence(answers[1] as never));
  assert.equal((await subjects(server, owner.email)).at(-1), 'You already have an account');
  assert.equal(await count(server, 'auth.passkeys WHERE user_id = $1', owner.id), 0);
  assert.equal((await signInWith(server, key)).status, 401);
  assert.equal((await linesOf(server, owner.id)).at(-1), 'user.register_duplicate denied');
});

describe('EML-08 who signs up with the address of somebody else has nothing once its owner comes', () => {
  test('by registering again and choosing a password', async () => {
    const email = someEmail('victim');
    const thief = authenticator();
    assert.equal((await signUpWith(server, email, thief)).status, 202);
    const early = await server.linkToken(email, '/verify-email');
    assert.equal((await server.post('/auth/register', { email, password: PASSWORD })).status, 202);
    assert.equal((await server.post('/auth/verify-email', { token: early })).body.code, 'token_invalid');
    const token = await server.linkToken(email, '/reset-password');
    assert.equal((await server.post('/auth/password/reset', { token, password: PASSWORD })).status, 204);
    assert.deepEqual(said(await signInWith(server, thief)), [401, 'passkey_invalid']);
    const login = await server.post('/auth/login', { email, password: PASSWORD });
    assert.equal(login.body.status, 'complete', login.text);
  });

  test('by a magic link', async () => {
    const email = someEmail('victim');
    const thief = authenticator();
    assert.equal((await signUpWith(server, email, thief)).status, 202);
    const { flow } = expect(await server.post('/auth/magic-link', { email }), 202).body;
    const token = await server.linkToken(email, '/magic-link');
    const login = await server.post('/auth/magic-link/verify', { flow, token });
    assert.equal(login.status, 200, login.text);
    assert.equal(login.body.user.mfa.passkeys, 0);
    assert.deepEqual(said(await signInWith(server, thief)), [401, 'passkey_invalid']);
  });

  test('a second sign-up stores nothing of it', async () => {
    const email = someEmail('victim');
    const [first, second] = [authenticator(), authenticator()];
    await signUpWith(server, email, first);
    await signUpWith(server, email, second);
    assert.equal(await count(server, 'auth.passkeys WHERE user_id = $1', await userIdOf(server, email)), 1);
    assert.deepEqual((await subjects(server, email)).at(-1), 'Choose a password for your account');
  });
});

test('with EMAIL_VERIFICATION=optional one is in at once with recovery codes, and a taken address is 409', async () => {
  const email = someEmail();
  const answer = await signUpWith(open, email, authenticator({ isBackupEligible: true }));
  assert.equal(answer.status, 201, answer.text);
  assert.equal(answer.body.recovery_codes.length, 10);
  assert.deepEqual(answer.body.user.mfa, { totp: false, passkeys: 1, recovery_codes_left: 10 });
  assert.equal((await open.get('/me/passkeys', { bearer: answer.body.access_token })).body.data.length, 1);
  assert.deepEqual(said(await signUpWith(open, email, authenticator())), [409, 'email_taken']);
  const cookie = await signUpWith(open, someEmail(), authenticator(), { session: 'cookie' });
  assert.deepEqual(Object.keys(cookie.body).sort(), ['csrf_token', 'recovery_codes', 'status', 'user']);
});

test('what is wrong with the credential is the same for a free and a taken address, and uses the challenge up', async () => {
  const { user, key } = await personWithPasskey(server);
  for (const email of [user.email, someEmail()]) {
    for (const lies of [{ isVerified: false }, { origin: 'https://evilrp.tld' }, { credentialId: key.credentialId }]) {
      const options = await optionsFor(email);
      const answer = await server.post('/auth/passkeys/sign-up', authenticator().create(options, lies));
      assert.deepEqual(said(answer), REJECTED, JSON.stringify(lies));
      const again = await server.post('/auth/passkeys/sign-up', authenticator().create(options));
      assert.deepEqual(said(again), REJECTED);
    }
  }
  const { challenge } = await requestOptions(server);
  const crossed = authenticator().create({ ...(await optionsFor(someEmail())), challenge });
  assert.deepEqual(said(await server.post('/auth/passkeys/sign-up', crossed)), REJECTED);
});

test('one challenge for signing up, fifty times at once: one account', async () => {
  const email = someEmail();
  const made = authenticator().create(await optionsFor(email));
  const answers = await times(50, () => server.post('/auth/passkeys/sign-up', made));
  assert.deepEqual(tally(answers), { 202: 1, 400: 49 });
  assert.equal(await count(server, 'auth.passkeys WHERE user_id = $1', await userIdOf(server, email)), 1);
});

test('a lost answer is given again under its idempotency key', async () => {
  const made = authenticator().create(await optionsFor(someEmail()));
  const options = { headers: { 'idempotency-key': 'sign-up-once' } };
  const answers = [
    await server.post('/auth/passkeys/sign-up', made, options),
    await server.post('/auth/passkeys/sign-up', made, options),
  ];
  assert.deepEqual(answers.map(said), [
    [202, undefined],
    [202, undefined],
  ]);
});

test('the flag registration closes both steps, for free and taken addresses alike', async () => {
  const owner = await server.user();
  const waiting = authenticator().create(await optionsFor(someEmail()));
  const admin = await server.admin();
  const put = async (flags: object[]) => {
    const as = { bearer: admin.accessToken };
    const headers = { 'if-match': (await server.get('/admin/flags', as)).headers.get('etag') ?? '' };
    return server.call('PUT', `${server.config.API_PREFIX}/admin/flags`, { body: { flags }, headers, ...as });
  };
  expect(await put([{ key: 'registration', default: false }]), 200);
  const closed = [403, 'registration_closed'];
  for (const email of [owner.email, someEmail()]) {
    assert.deepEqual(said(await server.post('/auth/passkeys/sign-up/options', { email })), closed);
  }
  assert.deepEqual(said(await server.post('/auth/passkeys/sign-up', waiting)), closed);
  expect(await put([]), 200);
  assert.equal((await server.post('/auth/passkeys/sign-up', waiting)).status, 202, 'the challenge was not used up');
});
