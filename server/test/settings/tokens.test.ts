// engines: postgres
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { PASSWORD, startServer, type TestServer, type TestUser } from '../kit.ts';
import { scratchFolder } from '../programs.ts';
import { partOf } from './tools.ts';

const TIMES = {
  JWT_EXPIRES_IN: '90s',
  JWT_REFRESH_EXPIRES_IN: '10m',
  SESSION_MAX_AGE: '20m',
  REFRESH_GRACE_SECONDS: '7',
  REAUTH_WITHIN: '5m',
};
let server: TestServer;
before(async () => {
  server = await startServer({ env: { ...TIMES, JWT_ISSUER: 'the-issuer', JWT_AUDIENCE: 'the-audience' } });
});

const refresh = (token: string, on = server) => on.post('/auth/refresh', { refresh_token: token });
const me = (token: string, on = server) => on.get('/me', { bearer: token });
const back = async (user: TestUser, on: TestServer) =>
  on.post('/auth/login', { email: user.email, password: PASSWORD });

test('access tokens carry JWT_ISSUER and JWT_AUDIENCE and live for JWT_EXPIRES_IN', async () => {
  const { accessToken } = await server.user();
  const { iss, aud, iat, exp } = partOf(accessToken, 1);
  assert.deepEqual([iss, aud, Number(exp) - Number(iat)], ['the-issuer', 'the-audience', 90]);
  const other = await startServer({ on: server, env: { JWT_ISSUER: 'the-issuer', JWT_AUDIENCE: 'another-audience' } });
  assert.equal((await me(accessToken, other)).status, 401);
  await other.close();
  assert.equal((await me(accessToken)).status, 200);
  server.clock.advance(91);
  assert.deepEqual((await me(accessToken)).body.code, 'token_expired');
});

test('a refresh token that rests for JWT_REFRESH_EXPIRES_IN has expired; use keeps it alive', async () => {
  const user = await server.user();
  server.clock.advance(9 * 60);
  const next = await refresh(user.refreshToken);
  assert.equal(next.status, 200);
  server.clock.advance(10 * 60 + 1);
  assert.equal((await refresh(next.body.refresh_token)).body.code, 'session_expired');
});

test('a session ends after SESSION_MAX_AGE, however often it is used', async () => {
  let token = (await server.user()).refreshToken;
  for (const seconds of [400, 400, 380]) {
    server.clock.advance(seconds);
    const next = await refresh(token);
    assert.equal(next.status, 200);
    assert.ok(next.body.expires_in <= 90);
    token = next.body.refresh_token;
  }
  server.clock.advance(30);
  assert.equal((await refresh(token)).body.code, 'session_expired');
});

test('the token before gets the same successor within REFRESH_GRACE_SECONDS, and ends the session after', async () => {
  const { refreshToken } = await server.user();
  const first = await refresh(refreshToken);
  server.clock.advance(4);
  assert.equal((await refresh(refreshToken)).body.refresh_token, first.body.refresh_token);
  server.clock.advance(4);
  assert.equal((await refresh(refreshToken)).body.code, 'refresh_token_reused');
});

test('what asks for a fresh sign-in refuses one that is older than REAUTH_WITHIN', async () => {
  let token = (await server.user()).refreshToken;
  const exported = async (): Promise<number> => {
    const next = await refresh(token);
    token = next.body.refresh_token;
    return (await server.post('/me/export', undefined, { bearer: next.body.access_token })).status;
  };
  server.clock.advance(5 * 60 - 5);
  assert.equal(await exported(), 200);
  server.clock.advance(6);
  assert.equal(await exported(), 403);
});

function keyFiles(kind: 'rsa' | 'ec' | 'ed25519'): { JWT_PRIVATE_KEY_PATH: string; JWT_PUBLIC_KEY_PATH: string } {
  const pair = {
    rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ec: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ed25519: () => generateKeyPairSync('ed25519'),
  }[kind]();
  const folder = scratchFolder();
  const paths = { JWT_PRIVATE_KEY_PATH: join(folder, 'private.pem'), JWT_PUBLIC_KEY_PATH: join(folder, 'public.pem') };
  const keys = pair as { privateKey: KeyObject; publicKey: KeyObject };
  writeFileSync(paths.JWT_PRIVATE_KEY_PATH, keys.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(paths.JWT_PUBLIC_KEY_PATH, keys.publicKey.export({ type: 'spki', format: 'pem' }));
  return paths;
}

test('key files sign with the algorithm of their key, and the published key verifies', async () => {
  const user = await server.user();
  for (const [kind, alg] of [
    ['rsa', 'RS256'],
    ['ec', 'ES256'],
    ['ed25519', 'EdDSA'],
  ] as const) {
    const paths = keyFiles(kind);
    const other = await startServer({ on: server, env: { ...paths, JWT_ALG: alg } });
    const { access_token: token } = (await back(user, other)).body;
    const header = partOf(token, 0);
    assert.equal(header.alg, alg);
    const { keys } = (await other.call('GET', '/.well-known/jwks.json')).body;
    const key = createPublicKey({
      key: keys.find((one: { kid: string }) => one.kid === header.kid) as JsonWebKey,
      format: 'jwk',
    });
    const at = token.lastIndexOf('.');
    const signature = Buffer.from(token.slice(at + 1), 'base64url');
    assert.ok(
      verify(
        kind === 'ed25519' ? null : 'sha256',
        Buffer.from(token.slice(0, at)),
        { key, dsaEncoding: 'ieee-p1363' },
        signature,
      ),
      alg,
    );
    assert.equal((await me(token, other)).status, 200);
    assert.equal((await me(token)).status, 401, 'another key’s token');
    await assert.rejects(
      startServer({ on: server, env: { ...paths, JWT_ALG: kind === 'rsa' ? 'ES256' : 'RS256' } }),
      /JWT_ALG/,
    );
    await other.close();
  }
});

test('JWT_ALG=HS256 signs with JWT_SECRET, publishes no key, and takes a list of secrets', async () => {
  const [old, young] = ['old', 'new'].map((name) => `${name}-kX7vR2mQ9wT4bN8zL5cJ1hG6fD3sA0pY`) as [string, string];
  const user = await server.user();
  const first = await startServer({ on: server, env: { JWT_ALG: 'HS256', JWT_SECRET: old } });
  const token: string = (await back(user, first)).body.access_token;
  assert.equal(partOf(token, 0).alg, 'HS256');
  const at = token.lastIndexOf('.');
  assert.equal(token.slice(at + 1), createHmac('sha256', old).update(token.slice(0, at)).digest('base64url'));
  assert.deepEqual((await first.call('GET', '/.well-known/jwks.json')).body, { keys: [] });
  const rotated = await startServer({ on: server, env: { JWT_ALG: 'HS256', JWT_SECRET: `${young},${old}` } });
  assert.equal((await me(token, rotated)).status, 200);
  const fresh: string = (await back(user, rotated)).body.access_token;
  assert.equal((await me(fresh, first)).status, 401, 'signed with the new one');
  for (const one of [first, rotated]) await one.close();
});
