/**
 * An OpenID provider without memory: whoever comes back with a code has written into it who they are and which nonce
 * they were given, and the ID token (ES256) says just that.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { tell } from './tell.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' };
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = base64url({ alg: 'ES256', kid: jwk.kid, typ: 'JWT' });

function idToken(issuer: string, clientId: string, code: string): string {
  const [nonce, person = ''] = code.split('.');
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    aud: clientId,
    sub: person,
    nonce,
    iat: now,
    exp: now + 300,
    email: `${person}@social.example.com`,
    email_verified: true,
    name: person,
  };
  const input = `${header}.${base64url(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function answer(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const { ISSUER_KEY = '', ISSUER_CERTIFICATE = '' } = process.env;
const tls = { key: readFileSync(ISSUER_KEY), cert: readFileSync(ISSUER_CERTIFICATE) };
const server = createServer(tls, async (request, response) => {
  const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (request.url === '/.well-known/openid-configuration') {
    return answer(response, {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
      code_challenge_methods_supported: ['S256'],
    });
  }
  if (request.url === '/jwks') return answer(response, { keys: [jwk] });
  const form = new URLSearchParams(await text(request));
  const [code = '', clientId = ''] = [form.get('code') ?? '', form.get('client_id') ?? ''];
  answer(response, {
    access_token: 'not-used',
    token_type: 'Bearer',
    expires_in: 300,
    id_token: idToken(issuer, clientId, code),
  });
});
server.listen(0, '127.0.0.1', () => tell(server, 'https'));
