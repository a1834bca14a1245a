// engines: postgres
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { addPasskey, creationOptions, personWithPasskey, said, signInWith } from '../attacks/sign-in/passkey-tools.ts';
import { authenticator } from '../authenticator.ts';
import { startServer } from '../kit.ts';
import { makeAuthority } from './certificates.ts';

test('SERVICE_NAME is what authenticator apps and passkey dialogues show', async () => {
  for (const [env, name] of [
    [{ SERVICE_NAME: 'Exämple & Co' }, 'Exämple & Co'],
    [{}, 'localhost'],
  ] as const) {
    const server = await startServer({ env });
    const user = await server.user();
    assert.equal((await creationOptions(server, user)).rp.name, name);
    const { otpauth_uri } = (await server.post('/me/mfa/totp', undefined, { bearer: user.accessToken })).body;
    const uri = new URL(otpauth_uri);
    assert.equal(uri.searchParams.get('issuer'), name);
    assert.equal(decodeURIComponent(uri.pathname).replace(/^\/+(totp\/)?/, ''), `${name}:${user.email}`);
  }
});

test('with PASSKEY_AS_FACTOR=false a passkey alone asks nobody for a second factor', async () => {
  for (const [PASSKEY_AS_FACTOR, status] of [
    ['true', 'mfa_required'],
    ['false', 'complete'],
  ] as const) {
    const server = await startServer({ env: { PASSKEY_AS_FACTOR } });
    const { user, key, added } = await personWithPasskey(server);
    const login = await server.post('/auth/login', { email: user.email, password: user.password });
    assert.equal(login.body.status, status);
    assert.equal((await signInWith(server, key)).body.status, 'complete');
    // Recovery codes stand in for a second factor: where there is none there are none.
    assert.equal(added.recovery_codes?.length, PASSKEY_AS_FACTOR === 'true' ? 10 : undefined);
  }
});

test('PASSKEY_ATTESTATION_ROOTS takes only passkeys of authenticators that one of them vouches for', async () => {
  const root = makeAuthority('Maker root');
  const server = await startServer({ env: { PASSKEY_ATTESTATION_ROOTS: root.ca } });
  const user = await server.user();
  assert.deepEqual(said(await addPasskey(server, user)), [400, 'passkey_rejected']);
  const names = { commonName: 'Model 1/O=Maker/C=DE/OU=Authenticator Attestation', names: '' };
  const { key, cert } = root.issue('model', names);
  const attestation = {
    key: createPrivateKey(readFileSync(key)),
    x5c: [new X509Certificate(readFileSync(cert)).raw],
  };
  assert.equal((await addPasskey(server, user, authenticator(), { lies: { attestation } })).status, 201);
});

test('passkeys belong to WEBAUTHN_RP_ID and to the pages of WEBAUTHN_ORIGINS', async () => {
  const origins = ['https://auth.example.com', 'https://shop.example.net'];
  const server = await startServer({
    env: {
      PUBLIC_URL: 'https://auth.example.com',
      WEBAUTHN_RP_ID: 'example.com',
      WEBAUTHN_ORIGINS: origins.join(','),
    },
  });
  const user = await server.user();
  const options = await creationOptions(server, user);
  assert.equal(options.rp.id, 'example.com');
  for (const origin of origins) {
    const key = authenticator({ origin });
    const answer = await addPasskey(server, await server.user(), key);
    assert.equal(answer.status, 201, answer.text);
    assert.equal((await signInWith(server, key)).status, 200);
    assert.equal((await signInWith(server, key, { rpId: 'auth.example.com' })).status, 401);
  }
  for (const origin of [
    'https://example.com',
    'https://www.example.com',
    'https://evilexample.com',
    'https://shop.example.net:8443',
  ]) {
    const answer = await addPasskey(server, user, authenticator({ origin }));
    assert.deepEqual(said(answer), [400, 'passkey_rejected'], origin);
  }
  const related = await server.call('GET', '/.well-known/webauthn');
  assert.deepEqual([related.status, related.body], [200, { origins }]);
  assert.match(related.headers.get('content-type') ?? '', /^application\/json/);
  const plain = await startServer();
  assert.equal((await plain.call('GET', '/.well-known/webauthn')).status, 404, 'no other origin may use them');
});
