// engines: none
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { openHouse, type Server } from './house.ts';
import { credentialOf, type Device, openPasskeyPage, type PasskeyPage } from './passkey-page.ts';

let house: Server & { base: string };

before(async () => {
  house = await openHouse();
});

/** A person signed in by password in a page whose browser has the device. */
async function arrive(device: Device = {}) {
  const user = await house.user();
  const page = await openPasskeyPage(house.base, device);
  const signIn = () => page.post('/auth/login', { email: user.email, password: user.password });
  const options = async (more = {}) => (await page.post('/me/passkeys/options', more, user.accessToken)).body;
  const add = (credential: object, name = 'Mine') => page.post('/me/passkeys', { credential, name }, user.accessToken);
  return { user, page, signIn, options, add };
}

async function signInByPasskey(page: PasskeyPage, mediation?: 'conditional') {
  const options = (await page.post('/auth/passkeys/options')).body;
  return page.post('/auth/passkeys/verify', credentialOf(await page.ask(options, mediation)));
}

const done = (page: PasskeyPage) => {
  assert.deepEqual(page.seen.complaints, []);
  return page.seen.context.close();
};

test('from signing up with a passkey over the mailed link to signing in without a name or a password', async () => {
  const page = await openPasskeyPage(house.base);
  const email = 'pk.ada@example.com';
  const options = (await page.post('/auth/passkeys/sign-up/options', { email, name: 'Ada' })).body;
  const made = credentialOf(await page.create(options));
  const answer = await page.post('/auth/passkeys/sign-up', made);
  assert.deepEqual(answer, { status: 202, body: { status: 'verification_sent' } });
  const token = await house.linkToken(email, '/verify-email');
  assert.equal((await page.post('/auth/verify-email', { token })).status, 200);
  const login = await signInByPasskey(page);
  assert.equal(login.status, 200, JSON.stringify(login.body));
  assert.deepEqual([login.body.user.email, login.body.user.has_password], [email, false]);
  await done(page);
});

test('a passkey of the platform: added, listed as the browser described it, used, and known to the next dialogue', async () => {
  const { page, user, options, add } = await arrive({ defaultBackupEligibility: true, defaultBackupState: true });
  const added = await add(credentialOf(await page.create(await options())), 'Laptop');
  assert.equal(added.status, 201, JSON.stringify(added.body));
  assert.equal(added.body.recovery_codes.length, 10);
  const login = await signInByPasskey(page);
  assert.equal(login.body.user.id, user.id);
  const claims = JSON.parse(Buffer.from(login.body.access_token.split('.')[1], 'base64url').toString());
  assert.deepEqual(claims.amr, ['swk', 'mfa']);
  const [one] = (await page.get('/me/passkeys', login.body.access_token)).body.data;
  const { name, backed_up, backup_eligible, transports } = one;
  assert.deepEqual([name, backed_up, backup_eligible, transports], ['Laptop', true, true, ['internal']]);
  assert.ok(one.last_used_at);
  const again = await page.create(await options());
  assert.deepEqual(again, { error: 'InvalidStateError' }, 'the authenticator knows that it has one');
  await done(page);
});

test('conditional UI: a page that waits for a passkey signs in as soon as it is chosen', async () => {
  const { page, user, options, add } = await arrive();
  assert.equal((await add(credentialOf(await page.create(await options())))).status, 201);
  const login = await signInByPasskey(page, 'conditional');
  assert.equal(login.body.user?.id, user.id, JSON.stringify(login.body));
  await done(page);
});

test('a roaming key without memory or verification is a second factor, and nothing by itself', async () => {
  const plain = { transport: 'usb', hasResidentKey: false, hasUserVerification: false, isUserVerified: false } as const;
  const { page, signIn, options, add } = await arrive(plain);
  const asked = await options();
  assert.deepEqual(await page.create({ ...asked, timeout: 1000 }), { error: 'NotAllowedError' });
  const made = credentialOf(await page.create(await options({ user_verification: 'discouraged' })));
  const added = await add(made, 'Key ring');
  assert.deepEqual([added.status, added.body.second_factor_only], [201, true], JSON.stringify(added.body));

  const { status, mfa_token, factors } = (await signIn()).body;
  assert.deepEqual([status, factors], ['mfa_required', ['passkey', 'recovery_code']]);
  const asking = (await page.post('/auth/mfa/passkey-options', { mfa_token })).body;
  const shown = credentialOf(await page.ask(asking));
  const login = await page.post('/auth/mfa', { mfa_token, ...shown });
  assert.equal(login.body.status, 'complete', JSON.stringify(login.body));

  const alone = (await page.post('/auth/passkeys/options')).body;
  const named = { ...alone, userVerification: 'discouraged', allowCredentials: asking.allowCredentials };
  const forced = await page.post('/auth/passkeys/verify', credentialOf(await page.ask(named)));
  assert.deepEqual([forced.status, forced.body.code], [401, 'passkey_invalid'], 'also where the page asks for less');
  await done(page);
});

test('I-019 an authenticator without user verification is refused by the server, whatever the page asked for', async () => {
  const { page, options, add } = await arrive({ hasUserVerification: false, isUserVerified: false });
  assert.deepEqual(await page.create({ ...(await options()), timeout: 1000 }), { error: 'NotAllowedError' });
  const asked = await options();
  const selection = { residentKey: 'required', requireResidentKey: true, userVerification: 'discouraged' };
  const lenient = credentialOf(await page.create({ ...asked, authenticatorSelection: selection }));
  const refused = await add(lenient);
  assert.deepEqual([refused.status, refused.body.code], [400, 'passkey_rejected']);
  await done(page);
});

test('I-074 a passkey whose owner was not verified this time is refused, whatever the page asked for', async () => {
  const { page, options, add } = await arrive();
  assert.equal((await add(credentialOf(await page.create(await options())))).status, 201);
  await page.cdp.send('WebAuthn.setUserVerified', { authenticatorId: page.device, isUserVerified: false });
  const asked = (await page.post('/auth/passkeys/options')).body;
  const shown = credentialOf(await page.ask({ ...asked, userVerification: 'discouraged' }));
  const refused = await page.post('/auth/passkeys/verify', shown);
  assert.deepEqual([refused.status, refused.body.code], [401, 'passkey_invalid']);
  await done(page);
});

test('a copied authenticator is refused once the original went ahead, and its owner is told', async () => {
  const { page, user, options, add } = await arrive({ transport: 'usb' });
  assert.equal((await add(credentialOf(await page.create(await options())))).status, 201);
  const [copied] = (await page.cdp.send('WebAuthn.getCredentials', { authenticatorId: page.device })).credentials;
  assert.ok(copied);
  for (let n = 0; n < 3; n++) assert.equal((await signInByPasskey(page)).status, 200);
  await page.cdp.send('WebAuthn.removeCredential', {
    authenticatorId: page.device,
    credentialId: copied.credentialId,
  });
  await page.cdp.send('WebAuthn.addCredential', { authenticatorId: page.device, credential: copied });
  const refused = await signInByPasskey(page);
  assert.deepEqual([refused.status, refused.body.code], [401, 'passkey_invalid']);
  const mails = await house.mails(user.email);
  assert.equal(mails[0]?.subject, 'A passkey was refused');
  assert.match(mails[0]?.text ?? '', /“Mine” was refused: its counter went backwards/);
  assert.equal((await house.audit('passkey.suspicious')).length, 1);
  await done(page);
});

test('a page at another host gets no passkey for this one out of the browser', async () => {
  const { page, options } = await arrive();
  const asked = await options();
  await page.seen.page.goto(`${house.base.replace('localhost', '127.0.0.1')}/verify-email`);
  assert.deepEqual(await page.create(asked), { error: 'SecurityError' });
  await done(page);
});
