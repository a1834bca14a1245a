import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { createKeys } from '../keys/index.ts';
import { createTokens } from './index.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const SECRETS = ['an operator’s shared secret, long enough for anyone', 'the one before, still accepted for a while'];

const pems = ({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }): Config['jwtKeys'] => ({
  kind: 'files',
  privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  publicPem: publicKey.export({ type: 'spki', format: 'pem' }) as string,
});

const sources: Record<string, Config['jwtKeys']> = {
  EdDSA: pems(generateKeyPairSync('ed25519')),
  ES256: pems(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
  RS256: pems(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  HS256: { kind: 'secret', secrets: SECRETS },
};

function tokensOf(jwtKeys: Config['jwtKeys'], more: Partial<Config> = {}) {
  const clock = { at: NOW, now: () => clock.at };
  const config = {
    jwtKeys,
    JWT_ISSUER: 'https://auth.example.com',
    JWT_AUDIENCE: 'auth-api',
    JWT_EXPIRES_IN: 900,
    ...more,
  };
  const keys = createKeys({ config, clock, db: null as never, encryption: null as never, changes: null as never });
  return { clock, keys, tokens: createTokens({ keys, clock, config }) };
}

const principal: Principal = {
  sessionId: uuidv7(NOW),
  kind: 'token',
  deviceId: null,
  amr: ['pwd'],
  factorAt: null,
  authenticatedAt: NOW - 60_000,
  createdAt: NOW - 60_000,
  expiresAt: NOW + 30 * 24 * 3600_000,
  impersonator: null,
  user: {
    id: uuidv7(NOW),
    email: 'ada@example.com',
    emailVerified: true,
    name: 'Ada',
    picture: null,
    locale: null,
    roles: ['admin'],
    permissions: ['*'],
    status: 'active',
    hasPassword: true,
    totp: false,
    passkeys: 0,
    mailFactor: false,
    recoveryCodesLeft: 0,
    factorDueAt: null,
    version: 1,
    createdAt: NOW,
    updatedAt: NOW,
    lastLoginAt: null,
  },
};

const part = (token: string, at: number) => JSON.parse(Buffer.from(token.split('.')[at] ?? '', 'base64url').toString());

for (const [alg, source] of Object.entries(sources)) {
  test(`with ${alg} the header says so and nothing more, and the claims are those of the contract`, () => {
    const { tokens, keys } = tokensOf(source);
    const { token, expiresIn } = tokens.issue(principal);
    assert.deepEqual(part(token, 0), { alg, kid: keys.signer().kid, typ: 'at+jwt' });
    const { jti, ...claims } = part(token, 1);
    assert.match(jti, /^[0-9a-f-]{36}$/);
    assert.deepEqual(claims, {
      iss: 'https://auth.example.com',
      sub: principal.user.id,
      aud: 'auth-api',
      exp: NOW / 1000 + 900,
      iat: NOW / 1000,
      sid: principal.sessionId,
      client_id: 'auth-api',
      roles: ['admin'],
      scope: 'openid profile email',
      amr: ['pwd'],
      acr: 'aal1',
      auth_time: NOW / 1000 - 60,
    });
    assert.equal(expiresIn, 900);
    assert.deepEqual(tokens.verify(token), { sub: principal.user.id, sid: principal.sessionId, exp: claims.exp });
  });

  test(`with ${alg} no character of a token can be changed`, () => {
    const { tokens } = tokensOf(source);
    const { token } = tokens.issue(principal);
    for (let at = 0; at < token.length; at++) {
      if (token[at] === '.') continue;
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      assert.throws(() => tokens.verify(changed), { code: 'unauthenticated' }, `at ${at}`);
    }
  });

  test(`with ${alg} a token of another key, issuer or audience is refused, and an expired one says so`, () => {
    const { tokens, clock } = tokensOf(source);
    const { token } = tokens.issue(principal);
    for (const other of [{ JWT_ISSUER: 'https://auth.example.com/' }, { JWT_AUDIENCE: 'other' }]) {
      assert.throws(() => tokensOf(source, other).tokens.verify(token), { code: 'unauthenticated' });
    }
    const another = Object.entries(sources).filter(([name]) => name !== alg);
    for (const [, keys] of another)
      assert.throws(() => tokensOf(keys).tokens.verify(token), { code: 'unauthenticated' });
    clock.at += 900_000;
    assert.throws(() => tokens.verify(token), { code: 'token_expired' });
  });
}

test('the published key verifies what was signed, as any other library would; a shared secret is never published', () => {
  for (const alg of ['EdDSA', 'ES256', 'RS256'] as const) {
    const { tokens, keys } = tokensOf(sources[alg] as Config['jwtKeys']);
    const [jwk] = keys.jwks().keys;
    assert.deepEqual([jwk?.alg, jwk?.use, jwk?.kid], [alg, 'sig', keys.signer().kid]);
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) assert.equal(jwk?.[secret], undefined);
    const [head, body, signature = ''] = tokens.issue(principal).token.split('.');
    const key = createPublicKey({ key: jwk as never, format: 'jwk' });
    const data = Buffer.from(`${head}.${body}`);
    const bytes = Buffer.from(signature, 'base64url');
    const options = { key, dsaEncoding: 'ieee-p1363' } as const;
    assert.ok(verify(alg === 'EdDSA' ? null : 'sha256', data, options, bytes));
  }
  assert.deepEqual(tokensOf(sources.HS256 as Config['jwtKeys']).keys.jwks(), { keys: [] });
});

test('with a list of secrets the first signs and all verify; an empty or missing one verifies nothing (I-063, I-066)', () => {
  const older = tokensOf({ kind: 'secret', secrets: [SECRETS[1] as string] });
  const { token } = older.tokens.issue(principal);
  assert.equal(tokensOf(sources.HS256 as Config['jwtKeys']).tokens.verify(token).sub, principal.user.id);
  assert.throws(() => tokensOf({ kind: 'secret', secrets: [SECRETS[0] as string] }).tokens.verify(token));
  const { tokens } = tokensOf(sources.RS256 as Config['jwtKeys']);
  const input = token.split('.').slice(0, 2).join('.');
  for (const secret of ['', 'undefined', 'null']) {
    const forged = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
    assert.throws(() => tokens.verify(forged), { code: 'unauthenticated' });
  }
});

test('the public key of RS256 and ES256 is no secret for HS256 (TOK-02, I-062, I-068)', () => {
  for (const alg of ['RS256', 'ES256'] as const) {
    const source = sources[alg] as Extract<Config['jwtKeys'], { kind: 'files' }>;
    const { tokens, keys } = tokensOf(source);
    const payload = tokens.issue(principal).token.split('.')[1];
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: keys.signer().kid, typ: 'at+jwt' })).toString(
      'base64url',
    );
    for (const secret of [
      source.publicPem,
      source.publicPem.trim(),
      ` ${source.publicPem}`,
      source.publicPem.replaceAll('\n', '\r\n'),
    ]) {
      const mac = createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url');
      assert.throws(() => tokens.verify(`${header}.${payload}.${mac}`), { code: 'unauthenticated' });
    }
  }
});

test('what an operator’s key signs elsewhere is no access token, whatever it holds (TOK-10)', () => {
  const source = sources.RS256 as Extract<Config['jwtKeys'], { kind: 'files' }>;
  const { tokens, keys } = tokensOf(source);
  const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: keys.signer().kid, typ: 'at+jwt' })).toString(
    'base64url',
  );
  for (const payload of ['plain text', '[]', 'null', '7', '"x"', '{}', '{"sub":1}', '\xff']) {
    const input = `${header}.${Buffer.from(payload, 'latin1').toString('base64url')}`;
    const signature = sign('sha256', Buffer.from(input), source.privatePem).toString('base64url');
    assert.throws(() => tokens.verify(`${input}.${signature}`), { code: 'unauthenticated' });
  }
});

test('an administrator who acts as a user is named in the token (RFC 8693, section 4.1)', () => {
  const { tokens } = tokensOf(sources.EdDSA as Config['jwtKeys']);
  const impersonator = uuidv7(NOW);
  assert.deepEqual(part(tokens.issue({ ...principal, impersonator }).token, 1).act, { sub: impersonator });
});

test('an access token does not outlive its session', () => {
  const { tokens } = tokensOf(sources.EdDSA as Config['jwtKeys']);
  assert.equal(tokens.issue({ ...principal, expiresAt: NOW + 30_500 }).expiresIn, 30);
});
