// engines: postgres
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { authenticator, type Lies } from '../../authenticator.ts';
import { someEmail, startServer, type TestServer } from '../../kit.ts';
import { essence, linesOf, subjects, tally, times } from '../accounts/tools.ts';
import { bearerOf, creationOptions, personWithPasskey, requestOptions, said, signInWith } from './passkey-tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const INVALID = [401, 'passkey_invalid'];
const reasons = async () => (await server.audit('session.login_failed')).map((line) => line.reason);

for (const algorithm of ['ES256', 'EdDSA', 'RS256'] as const) {
  test(`a passkey with ${algorithm} is a way in, and two factors by itself`, async () => {
    const { user, key } = await personWithPasskey(server, { algorithm });
    const answer = await signInWith(server, key);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.body.status, 'complete');
    assert.equal(answer.body.user.id, user.id);
    const claims = JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url').toString());
    assert.deepEqual(claims.amr, ['hwk', 'mfa']);
    assert.equal(claims.acr, 'aal2');
    const list = await server.get('/me/passkeys', { bearer: answer.body.access_token });
    assert.ok(list.body.data[0].last_used_at);
    assert.equal((await linesOf(server, user.id)).at(-1), 'session.login success');
  });
}

test('a synced passkey is swk, and its counter may stay at zero', async () => {
  const { key } = await personWithPasskey(server, { isBackupEligible: true, counts: false });
  for (let n = 0; n < 2; n++) {
    const answer = await signInWith(server, key);
    const claims = JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url').toString());
    assert.deepEqual(claims.amr, ['swk', 'mfa']);
  }
});

test('the response may be nested, cookies are set for a cookie session, and a known device stays known', async () => {
  const { key } = await personWithPasskey(server);
  const first = await signInWith(server, key, {}, { session: 'cookie' });
  assert.deepEqual(Object.keys(first.body).sort(), ['csrf_token', 'status', 'user']);
  assert.deepEqual(
    first.headers.getSetCookie().map((line) => line.split('=')[0]),
    ['session', 'device'],
  );
  const credential = key.get(await requestOptions(server));
  const nested = await server.post('/auth/passkeys/verify', { credential });
  assert.equal(nested.status, 200, nested.text);
});

test('ENU-05 the options are the same for known and unknown addresses, and without one: nothing is listed', async () => {
  const { user } = await personWithPasskey(server);
  const shapes = [];
  for (const body of [{}, { email: user.email }, { email: someEmail() }, { email: 'no address' }]) {
    const answer = await server.post('/auth/passkeys/options', body);
    const { challenge, ...rest } = answer.body;
    assert.match(challenge, /^[A-Za-z0-9_-]{43}$/);
    shapes.push({ ...essence(answer), text: JSON.stringify(rest) });
  }
  for (const shape of shapes) assert.deepEqual(shape, shapes[0]);
  assert.deepEqual(JSON.parse(shapes[0]?.text as string), {
    rpId: 'localhost',
    allowCredentials: [],
    timeout: 300000,
    userVerification: 'required',
  });
});

describe('what is refused, with one answer', () => {
  const lies: [string, Lies, string][] = [
    ['PK-01 another site', { origin: 'https://evilrp.tld' }, 'origin'],
    ['PK-01 I-075 a host that ends in ours', { origin: 'http://evillocalhost:3000' }, 'origin'],
    ['PK-01 a host below ours that is not listed', { origin: 'http://a.localhost:3000' }, 'origin'],
    ['PK-01 another port', { origin: 'http://localhost:3001' }, 'origin'],
    ['PK-01 another scheme', { origin: 'https://localhost:3000' }, 'origin'],
    ['PK-01 our origin with a path', { origin: 'http://localhost:3000/' }, 'origin'],
    ['PK-01 a frame of another site', { crossOrigin: true }, 'cross_origin'],
    ['PK-01 a frame that says so in text', { crossOrigin: 'true' }, 'cross_origin'],
    ['PK-01 a top origin without a frame', { topOrigin: 'https://evilrp.tld' }, 'cross_origin'],
    ['PK-02 another RP id', { rpId: 'evilrp.tld' }, 'not_verified'],
    ['PK-02 an answer to a creation', { type: 'webauthn.create' }, 'type'],
    ['PK-02 a payment', { type: 'payment.get' }, 'type'],
    ['PK-05 I-074 no user verification', { isVerified: false }, 'user_verification'],
    ['PK-05 no user presence', { isPresent: false }, 'not_verified'],
    ['PK-05 suddenly eligible for backup', { isBackupEligible: true }, 'backup_eligibility'],
    ['PK-05 backed up without being eligible', { isBackedUp: true }, 'not_verified'],
    ['PK-07 no user handle', { userHandle: null }, 'user_handle'],
    ['PK-07 an unknown user handle', { userHandle: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'user_handle'],
    ['a signature of something else', { signature: Buffer.from('3006020101020101', 'hex') }, 'signature'],
    ['an unknown credential', { credentialId: Buffer.alloc(32, 7) }, 'unknown'],
    ['bytes behind the authenticator data', { trailing: Buffer.from([1]) }, 'not_verified'],
    ['PK-03 a challenge of its own', { challenge: 'A'.repeat(43) }, 'challenge'],
    ['PK-03 no challenge', { challenge: '' }, 'challenge'],
  ];
  const answers = new Set<string>();

  for (const [title, lie, reason] of lies) {
    test(title, async () => {
      const { key } = await personWithPasskey(server);
      const answer = await signInWith(server, key, lie);
      assert.deepEqual(said(answer), INVALID, answer.text);
      assert.equal((await reasons()).at(-1), reason);
      answers.add(JSON.stringify(essence(answer)));
      assert.equal(answers.size, 1, 'one answer for all');
      assert.equal((await signInWith(server, key)).status, 200, 'the passkey itself is none the worse');
    });
  }

  test('PK-05 a synced passkey that is suddenly bound to one device', async () => {
    const { key } = await personWithPasskey(server, { isBackupEligible: true });
    assert.deepEqual(said(await signInWith(server, key, { isBackupEligible: false })), INVALID);
  });

  test('PK-07 the user handle of one person with the credential of another', async () => {
    const [ada, eve] = [await personWithPasskey(server), await personWithPasskey(server)];
    assert.deepEqual(said(await signInWith(server, eve.key, { userHandle: ada.key.userHandle })), INVALID);
    assert.deepEqual(said(await signInWith(server, eve.key, { credentialId: ada.key.credentialId })), INVALID);
  });

  test('a disabled and a deleted account', async () => {
    const ada = await personWithPasskey(server);
    await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [ada.user.id]);
    assert.deepEqual(said(await signInWith(server, ada.key)), INVALID);
    assert.equal((await linesOf(server, ada.user.id)).at(-1), 'session.login_failed failure disabled');
    await server.db.execute('DELETE FROM auth.users WHERE id = $1', [ada.user.id]);
    assert.deepEqual(said(await signInWith(server, ada.key)), INVALID);
  });

  test('a removed passkey', async () => {
    const { user, key, added } = await personWithPasskey(server);
    const path = `${server.config.API_PREFIX}/me/passkeys/${added.id}`;
    assert.equal((await server.call('DELETE', path, bearerOf(user))).status, 204);
    assert.deepEqual(said(await signInWith(server, key)), INVALID);
  });
});

describe('PK-03 a challenge is for one use, one purpose and five minutes', () => {
  test('replayed with the same answer', async () => {
    const { key } = await personWithPasskey(server);
    const response = key.get(await requestOptions(server));
    assert.equal((await server.post('/auth/passkeys/verify', response)).status, 200);
    assert.deepEqual(said(await server.post('/auth/passkeys/verify', response)), INVALID);
  });

  test('used up by an answer that was refused', async () => {
    const { key } = await personWithPasskey(server);
    const options = await requestOptions(server);
    const lie = await server.post('/auth/passkeys/verify', key.get(options, { isVerified: false }));
    assert.deepEqual(said(lie), INVALID);
    assert.deepEqual(said(await server.post('/auth/passkeys/verify', key.get(options))), INVALID);
  });

  test('from a creation, or from a creation to a sign-in', async () => {
    const { user, key } = await personWithPasskey(server);
    const creation = await creationOptions(server, user);
    const crossed = key.get({ ...creation, rpId: 'localhost' });
    assert.deepEqual(said(await server.post('/auth/passkeys/verify', crossed)), INVALID);
    const { challenge } = await requestOptions(server);
    const made = authenticator().create({ ...(await creationOptions(server, user)), challenge });
    const answer = await server.post('/me/passkeys', made, bearerOf(user));
    assert.deepEqual(said(answer), [400, 'passkey_rejected']);
  });

  test('from the second factor of a sign-in', async () => {
    const { user, key } = await personWithPasskey(server);
    const { mfa_token } = (await server.post('/auth/login', { email: user.email, password: user.password })).body;
    const options = (await server.post('/auth/mfa/passkey-options', { mfa_token })).body;
    assert.deepEqual(said(await server.post('/auth/passkeys/verify', key.get(options))), INVALID);
  });

  test('fifty times at once: one success', async () => {
    const { key } = await personWithPasskey(server, { counts: false });
    const response = key.get(await requestOptions(server));
    const answers = await times(50, () => server.post('/auth/passkeys/verify', response));
    assert.deepEqual(tally(answers), { 200: 1, 401: 49 });
  });
});

test('a counter that goes back is refused, kept, written down and told, and only under a right signature', async () => {
  const { user, key } = await personWithPasskey(server);
  const clone = key.copy();
  assert.equal((await signInWith(server, key)).status, 200);
  assert.equal((await signInWith(server, key)).status, 200);
  const forged = await signInWith(server, clone, { signature: Buffer.alloc(70) });
  assert.deepEqual(said(forged), INVALID);
  assert.ok(!(await linesOf(server, user.id)).includes('passkey.suspicious denied counter'), 'anybody could do that');

  assert.deepEqual(said(await signInWith(server, clone, { counter: 2 })), INVALID);
  assert.deepEqual(said(await signInWith(server, clone, { counter: key.counter })), INVALID);
  assert.deepEqual(said(await signInWith(server, clone, { counter: 0 })), INVALID);
  const lines = await linesOf(server, user.id);
  assert.equal(lines.filter((line) => line === 'passkey.suspicious denied counter').length, 3);
  assert.ok((await subjects(server, user.email)).includes('A passkey was refused'));
  const [row] = await server.db.query<{ sign_count: number }>(
    'SELECT sign_count FROM auth.passkeys WHERE user_id = $1',
    [user.id],
  );
  assert.equal(Number(row?.sign_count), key.counter, 'the stored counter stays');
  assert.equal((await signInWith(server, key)).status, 200);
});

test('a sign-in beside the removal of its passkey is in before it or refused after it, and raises no alarm', async () => {
  for (let round = 0; round < 10; round++) {
    const { user, key, added } = await personWithPasskey(server);
    const path = `${server.config.API_PREFIX}/me/passkeys/${added.id}`;
    const response = key.get(await requestOptions(server));
    const [login, removal] = await Promise.all([
      server.post('/auth/passkeys/verify', response),
      server.call('DELETE', path, bearerOf(user)),
    ]);
    assert.equal(removal.status, 204, removal.text);
    assert.ok([200, 401].includes(login.status), login.text);
    assert.ok(!(await linesOf(server, user.id)).includes('passkey.suspicious denied counter'));
  }
});

test('an unverified address is told so only after a right passkey', async () => {
  const { user, key } = await personWithPasskey(server);
  await server.db.execute('UPDATE auth.users SET email_verified_at = NULL WHERE id = $1', [user.id]);
  assert.deepEqual(said(await signInWith(server, key)), [403, 'email_not_verified']);
  assert.deepEqual(said(await signInWith(server, key, { isVerified: false })), INVALID);
});

test('PK-03 an expired challenge is refused', async () => {
  const { key } = await personWithPasskey(server);
  const options = await requestOptions(server);
  server.clock.advance(301);
  assert.deepEqual(said(await server.post('/auth/passkeys/verify', key.get(options))), INVALID);
});
