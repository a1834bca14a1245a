// engines: postgres
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { authenticator, type Lies, type Model } from '../../authenticator.ts';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { count, tally, times } from '../accounts/tools.ts';
import { addPasskey, bearerOf, creationOptions, personWithPasskey, said, signInWith } from './passkey-tools.ts';

let server: TestServer;
let eve: TestUser;
before(async () => {
  server = await startServer();
  eve = await server.user();
});

const REJECTED = [400, 'passkey_rejected'];
const lastReason = async () => (await server.audit('passkey.added')).at(-1)?.reason;
const passkeysOf = (user: TestUser) => count(server, 'auth.passkeys WHERE user_id = $1', user.id);

describe('a creation is checked by what was signed, not by what the browser was asked', () => {
  const cases: [string, Lies, string, Model?][] = [
    ['PK-01 another site', { origin: 'https://evilrp.tld' }, 'origin'],
    ['PK-01 I-075 a host that ends in ours', { origin: 'http://evillocalhost:3000' }, 'origin'],
    ['PK-01 a frame of another site', { crossOrigin: true }, 'cross_origin'],
    ['PK-02 another RP id', { rpId: 'evilrp.tld' }, 'not_verified'],
    ['PK-02 an answer to a sign-in', { type: 'webauthn.get' }, 'type'],
    ['PK-03 a challenge of its own', { challenge: 'A'.repeat(43) }, 'challenge'],
    ['PK-05 I-019 no user verification', { isVerified: false }, 'user_verification'],
    ['PK-05 no user presence', { isPresent: false }, 'not_verified'],
    ['PK-05 backed up without being eligible', { isBackedUp: true }, 'not_verified'],
    ['PK-08 I-019 an algorithm that was not offered', {}, 'not_verified', { algorithm: 'ES384' }],
    ['PK-08 RSA of 1024 bits', {}, 'key', { algorithm: 'RS256', rsaBits: 1024 }],
    ['PK-08 a point that is not on the curve', { publicKey: ecKey(Buffer.alloc(32, 1)) }, 'key'],
    ['PK-08 a coordinate that is too short', { publicKey: ecKey(Buffer.alloc(8, 1)) }, 'key'],
    [
      'PK-08 a key of one kind under the algorithm of another',
      {
        publicKey: new Map([
          [1, 3],
          [3, -7],
        ]),
      },
      'key',
    ],
    ['PK-08 a credential id of 1024 bytes', { credentialId: Buffer.alloc(1024, 5) }, 'malformed'],
    ['bytes behind the authenticator data', { trailing: Buffer.alloc(3) }, 'not_verified'],
  ];
  for (const [title, lies, reason, model] of cases) {
    test(title, async () => {
      const answer = await addPasskey(server, eve, authenticator(model), { lies });
      assert.deepEqual(said(answer), REJECTED, answer.text);
      assert.equal(await lastReason(), reason);
      assert.equal(await passkeysOf(eve), 0);
    });
  }

  test('PK-06 a credential that is registered to somebody else, or to oneself', async () => {
    const { user, key } = await personWithPasskey(server);
    const lies = { credentialId: Buffer.from(key.credentialId) };
    for (const who of [eve, user]) {
      assert.deepEqual(said(await addPasskey(server, who, authenticator(), { lies })), REJECTED);
      assert.equal(await lastReason(), 'registered');
    }
    assert.equal((await signInWith(server, key)).body.user.id, user.id);
  });

  test('PK-06 one credential from two accounts at once is one account’s', async () => {
    const people = [await server.user(), await server.user()];
    const key = authenticator();
    const credentialId = Buffer.from(authenticator().credentialId);
    const answers = await Promise.all(people.map((who) => addPasskey(server, who, key, { lies: { credentialId } })));
    assert.deepEqual(tally(answers), { 201: 1, 400: 1 });
  });

  test('a credential id beside that of the authenticator', async () => {
    const made = authenticator().create(await creationOptions(server, eve));
    const answer = await server.post('/me/passkeys', { ...made, id: 'AAAA', rawId: 'AAAA' }, bearerOf(eve));
    assert.deepEqual([...said(answer), await lastReason()], [...REJECTED, 'credential_id']);
  });
});

describe('PK-03 a challenge for a creation', () => {
  test('belongs to the user and to the session that asked, and works once', async () => {
    const user = await server.user();
    const other = (await server.post('/auth/login', { email: user.email, password: user.password })).body;
    const options = await creationOptions(server, user);
    const key = authenticator();
    for (const stranger of [eve, { accessToken: other.access_token }]) {
      const answer = await server.post('/me/passkeys', key.create(options), bearerOf(stranger));
      assert.deepEqual(said(answer), REJECTED, 'another user, and another session of the same');
    }
    const mine = key.create(options);
    assert.equal((await server.post('/me/passkeys', mine, bearerOf(user))).status, 201);
    const again = authenticator().create(options);
    assert.deepEqual(said(await server.post('/me/passkeys', again, bearerOf(user))), REJECTED);
  });

  test('is over after five minutes, after a refusal, and with a change of password', async () => {
    const user = await server.user();
    const early = await creationOptions(server, user);
    await server.post('/me/passkeys', authenticator().create(early, { isVerified: false }), bearerOf(user));
    assert.deepEqual(said(await server.post('/me/passkeys', authenticator().create(early), bearerOf(user))), REJECTED);
    const before = await creationOptions(server, user);
    const change = { current_password: user.password, new_password: `${user.password}-2` };
    assert.equal((await server.post('/me/password', change, bearerOf(user))).status, 204);
    assert.deepEqual(said(await server.post('/me/passkeys', authenticator().create(before), bearerOf(user))), REJECTED);
    const late = await creationOptions(server, user);
    server.clock.advance(301);
    assert.deepEqual(said(await server.post('/me/passkeys', authenticator().create(late), bearerOf(user))), REJECTED);
  });

  test('fifty times at once: one passkey', async () => {
    const user = await server.user();
    const made = authenticator().create(await creationOptions(server, user));
    const answers = await times(50, () => server.post('/me/passkeys', made, bearerOf(user)));
    assert.equal(tally(answers)[201], 1, JSON.stringify(tally(answers)));
    assert.equal(await passkeysOf(user), 1);
  });
});

function ecKey(coordinate: Buffer): Map<number | string, never> {
  const parts = [
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, coordinate],
    [-3, coordinate],
  ];
  return new Map(parts as [number, never][]);
}
