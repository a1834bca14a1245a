import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { count, linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import {
  addPasskey,
  bearerOf,
  creationOptions,
  personWithPasskey,
  said,
  signInWith,
} from '../../../test/attacks/sign-in/passkey-tools.ts';
import { authenticator } from '../../../test/authenticator.ts';
import { enrolTotp, firstFactor, nextCode, showFactor } from '../../../test/factors.ts';
import { startServer, type TestServer, type TestUser } from '../../../test/kit.ts';

let server: TestServer;
let eve: TestUser;
before(async () => {
  server = await startServer({ env: { SERVICE_NAME: 'Example Ltd' } });
  eve = await server.user();
});

const passkeysOf = (user: TestUser) => count(server, 'auth.passkeys WHERE user_id = $1', user.id);

test('a first passkey comes with its view and recovery codes, is told by mail, and may be followed by a second', async () => {
  const user = await server.user({ name: 'Ada' });
  const options = await creationOptions(server, user);
  assert.deepEqual(
    { ...options, challenge: '' },
    {
      rp: { id: 'localhost', name: 'Example Ltd' },
      user: {
        id: Buffer.from(user.id.replaceAll('-', ''), 'hex').toString('base64url'),
        name: user.email,
        displayName: 'Ada',
      },
      challenge: '',
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ alg, type: 'public-key' })),
      timeout: 300000,
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
      attestation: 'none',
      extensions: { credProps: true },
    },
  );
  const key = authenticator();
  const answer = await addPasskey(server, user, key, { name: ' Phone ' });
  assert.equal(answer.status, 201, answer.text);
  const { id, created_at, recovery_codes, ...rest } = answer.body;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.ok(Date.parse(created_at));
  assert.equal(new Set(recovery_codes).size, 10);
  assert.deepEqual(rest, {
    name: 'Phone',
    last_used_at: null,
    backed_up: false,
    backup_eligible: false,
    second_factor_only: false,
    aaguid: '00000000-0000-0000-0000-000000000000',
    transports: ['internal'],
  });
  assert.deepEqual((await linesOf(server, user.id)).slice(-2), [
    'passkey.added success',
    'mfa.recovery_codes_created success',
  ]);
  assert.equal((await subjects(server, user.email)).at(-1), 'A passkey was added');
  assert.deepEqual((await server.get('/me', bearerOf(user))).body.mfa, {
    totp: false,
    passkeys: 1,
    recovery_codes_left: 10,
  });

  const [known] = (await creationOptions(server, user)).excludeCredentials;
  assert.deepEqual(known, { id: key.credentialId.toString('base64url'), type: 'public-key', transports: ['internal'] });
  const second = await addPasskey(server, user);
  assert.equal(second.status, 201, second.text);
  assert.equal(second.body.name, 'Passkey');
  assert.equal(second.body.recovery_codes, undefined);
});

test('the list is newest first and by pages, names change, and of another’s passkey nobody hears', async () => {
  const { user, added } = await personWithPasskey(server);
  const second = await addPasskey(server, user);
  const page = await server.get('/me/passkeys?limit=1', bearerOf(user));
  assert.deepEqual([page.body.data.length, page.body.data[0].id], [1, second.body.id]);
  const next = await server.get(`/me/passkeys?limit=1&cursor=${page.body.next_cursor}`, bearerOf(user));
  assert.deepEqual([next.body.data[0].id, next.body.next_cursor], [added.id, null]);
  assert.equal((await server.get('/me/passkeys?cursor=x', bearerOf(user))).status, 400);

  const path = `${server.config.API_PREFIX}/me/passkeys/${added.id}`;
  const renamed = await server.call('PATCH', path, { body: { name: 'Laptop' }, ...bearerOf(user) });
  assert.deepEqual([renamed.status, renamed.body.name], [200, 'Laptop']);
  assert.equal((await server.call('PATCH', path, { body: { name: '\u202e' }, ...bearerOf(user) })).status, 400);
  assert.equal((await linesOf(server, user.id)).at(-1), 'passkey.updated success');
  for (const [method, options] of [
    ['PATCH', { body: { name: 'Mine' } }],
    ['DELETE', {}],
  ] as const) {
    const foreign = await server.call(method, path, { ...options, ...bearerOf(eve) });
    assert.deepEqual(said(foreign), [404, 'not_found']);
    const none = await server.call(method, `${path.slice(0, -4)}ffff`, { ...options, ...bearerOf(user) });
    assert.deepEqual(said(none), [404, 'not_found']);
    assert.equal((await server.call(method, `${path}x`, { ...options, ...bearerOf(user) })).status, 404);
  }
});

test('with the last passkey the recovery codes go, its owner is told, and a sign-in that waited for it is over', async () => {
  const { user, added, key } = await personWithPasskey(server);
  const login = () => server.post('/auth/login', { email: user.email, password: user.password });
  const waiting = (await login()).body;
  assert.deepEqual([waiting.status, waiting.factors], ['mfa_required', ['passkey', 'recovery_code']]);
  const path = `${server.config.API_PREFIX}/me/passkeys/${added.id}`;
  assert.equal((await server.call('DELETE', path, bearerOf(user))).status, 204);
  assert.deepEqual((await server.get('/me', bearerOf(user))).body.mfa, {
    totp: false,
    passkeys: 0,
    recovery_codes_left: 0,
  });
  assert.equal((await subjects(server, user.email)).at(-1), 'A passkey was removed');
  assert.equal((await linesOf(server, user.id)).at(-1), 'passkey.removed success');
  const late = { mfa_token: waiting.mfa_token, factor: 'recovery_code', code: added.recovery_codes[0] };
  assert.equal((await server.post('/auth/mfa', late)).status, 401);
  assert.equal((await signInWith(server, key)).status, 401);
  assert.equal((await login()).body.status, 'complete');
});

test('a sign-in that waits for a second factor is over once a passkey is added or removed', async () => {
  const user = await server.user();
  const { secret } = await enrolTotp(server, user);
  const before = await firstFactor(server, user);
  const { id } = (await addPasskey(server, user)).body;
  assert.equal((await showFactor(server, before, 'totp', nextCode(server, secret))).status, 401);
  const between = await firstFactor(server, user);
  const path = `${server.config.API_PREFIX}/me/passkeys/${id}`;
  assert.equal((await server.call('DELETE', path, bearerOf(user))).status, 204);
  assert.equal((await showFactor(server, between, 'totp', nextCode(server, secret))).status, 401);
  const after = await firstFactor(server, user);
  assert.equal((await showFactor(server, after, 'totp', nextCode(server, secret))).status, 200);
  assert.equal((await server.get('/me', bearerOf(user))).body.mfa.recovery_codes_left, 10, 'another factor is left');
});

test('the last way in cannot be removed, also not by two at once', async () => {
  const { user, added } = await personWithPasskey(server);
  const second = (await addPasskey(server, user)).body;
  await server.db.execute('UPDATE auth.users SET password_hash = NULL WHERE id = $1', [user.id]);
  const remove = (id: string) => server.call('DELETE', `${server.config.API_PREFIX}/me/passkeys/${id}`, bearerOf(user));
  const answers = await Promise.all([remove(added.id), remove(second.id)]);
  assert.deepEqual(answers.map(said).sort(), [
    [204, undefined],
    [409, 'last_sign_in_method'],
  ]);
  assert.equal(await passkeysOf(user), 1);
});

test('a key without user verification is a second factor only, signs nobody in, and is no last way in', async () => {
  const user = await server.user();
  const key = authenticator({ canVerify: false });
  const options = { user_verification: 'discouraged' };
  const asked = await creationOptions(server, user, options);
  assert.deepEqual(asked.authenticatorSelection, {
    residentKey: 'discouraged',
    requireResidentKey: false,
    userVerification: 'discouraged',
  });
  const added = await addPasskey(server, user, key, { options });
  assert.deepEqual([added.status, added.body.second_factor_only], [201, true], added.text);
  for (const isVerified of [false, true])
    assert.deepEqual(said(await signInWith(server, key, { isVerified })), [401, 'passkey_invalid']);
  const { mfa_token } = (await server.post('/auth/login', { email: user.email, password: user.password })).body;
  const asking = (await server.post('/auth/mfa/passkey-options', { mfa_token })).body;
  assert.deepEqual([asking.userVerification, asking.allowCredentials.length], ['preferred', 1]);
  const done = await server.post('/auth/mfa', { mfa_token, ...key.get(asking, { userHandle: null }) });
  assert.equal(done.status, 200, done.text);
  assert.equal((await addPasskey(server, user)).status, 201);
  await server.db.execute('UPDATE auth.users SET password_hash = NULL WHERE id = $1', [user.id]);
  const list = (await server.get('/me/passkeys', bearerOf(user))).body.data;
  const remove = (id: string) => server.call('DELETE', `${server.config.API_PREFIX}/me/passkeys/${id}`, bearerOf(user));
  assert.deepEqual(said(await remove(list[0].id)), [409, 'last_sign_in_method']);
  assert.equal((await remove(added.body.id)).status, 204);
});

test('SES-02 the first passkey gives a cookie session a new value, and the old one is dead', async () => {
  const user = await server.user({ session: 'cookie' });
  const as = { cookie: user.cookie, headers: { 'x-csrf-token': user.csrf } };
  const options = (await server.post('/me/passkeys/options', {}, as)).body;
  const answer = await server.post('/me/passkeys', authenticator().create(options), as);
  assert.equal(answer.status, 201, answer.text);
  const fresh = answer.headers.getSetCookie()[0]?.split(';')[0] as string;
  assert.equal((await server.get('/me/passkeys', { cookie: fresh })).body.data.length, 1);
  assert.equal((await server.get('/me', { cookie: user.cookie })).status, 401);
  const next = { cookie: fresh, headers: { 'x-csrf-token': answer.body.csrf_token } };
  assert.equal((await server.post('/me/passkeys/options', {}, next)).status, 200);
});

test('where policy wants a second factor the last one stays', async () => {
  const strict = await startServer({ env: { REQUIRE_MFA: 'everyone', REQUIRE_MFA_GRACE: '1d' } });
  const { user, added } = await personWithPasskey(strict);
  const path = `${strict.config.API_PREFIX}/me/passkeys/${added.id}`;
  assert.deepEqual(said(await strict.call('DELETE', path, bearerOf(user))), [409, 'conflict']);
  assert.equal((await addPasskey(strict, user)).status, 201);
  assert.equal((await strict.call('DELETE', path, bearerOf(user))).status, 204);
});

test('no passkey is added or removed by a session that has ended, even where a process does not know yet', async () => {
  const { user, added } = await personWithPasskey(server);
  const made = authenticator().create(await creationOptions(server, user));
  await server.db.execute('UPDATE auth.sessions SET ended_at = created_at WHERE user_id = $1', [user.id]);
  const path = `${server.config.API_PREFIX}/me/passkeys/${added.id}`;
  for (const answer of [
    await server.post('/me/passkeys', made, bearerOf(user)),
    await server.call('DELETE', path, bearerOf(user)),
  ]) {
    assert.deepEqual(said(answer), [401, 'session_revoked']);
  }
  assert.equal(await passkeysOf(user), 1);
});

test('PK-10 a passkey takes recent authentication, and by a second factor where there is one', async () => {
  const { user, key } = await personWithPasskey(server);
  const made = authenticator().create(await creationOptions(server, user));
  server.clock.advance(server.config.REAUTH_WITHIN + 1);
  const step = [403, 'reauthentication_required'];
  const again = async (who: { accessToken: string }) => {
    const path = `${server.config.API_PREFIX}/me/passkeys`;
    assert.deepEqual(said(await server.post('/me/passkeys/options', {}, bearerOf(who))), step);
    assert.deepEqual(said(await server.post('/me/passkeys', made, bearerOf(who))), step);
    assert.deepEqual(said(await server.call('DELETE', `${path}/${'0'.repeat(8)}`, bearerOf(who))), step);
  };
  await again(user);
  const half = await server.post('/auth/reauthenticate', { password: user.password }, bearerOf(user));
  await again({ accessToken: half.body.access_token ?? user.accessToken });
  const whole = await signInWith(server, key);
  assert.equal((await addPasskey(server, { accessToken: whole.body.access_token })).status, 201);
});
