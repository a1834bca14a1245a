import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { someEmail, startServer, type TestServer } from '../kit.ts';
import { param, pkce, signInAt } from './browser.ts';
import { type Issuer, startIssuer } from './issuer.ts';

const APP = 'https://app.example.test';
const CLIENT = { id: 'auth-api', secret: 'kT8-acme-secret', redirectUri: 'http://localhost:3000/auth/callback/acme' };

let server: TestServer;
let acme: Issuer;

before(async () => {
  acme = await startIssuer(CLIENT, { sub: 'ada', email: 'ada@corp.test', email_verified: true, name: 'Ada Lovelace' });
  server = await startServer({
    env: {
      CORS_ORIGIN: APP,
      OIDC_PROVIDERS: JSON.stringify([
        {
          id: 'acme',
          name: 'Acme',
          issuer: acme.url,
          client_id: CLIENT.id,
          client_secret: CLIENT.secret,
          authoritative_domains: ['corp.test'],
          store_tokens: true,
        },
      ]),
    },
  });
});

describe('sign-in with a real OpenID provider', () => {
  test('a new person gets an account, and the same account the next time', async () => {
    const first = await signInAt(server, 'acme');
    assert.equal(first.status, 200, first.text);
    assert.equal(first.body.status, 'complete');
    assert.equal(first.body.user.email, 'ada@corp.test');
    assert.equal(first.body.user.email_verified, true);
    assert.equal(first.body.user.name, 'Ada Lovelace');
    const again = await signInAt(server, 'acme');
    assert.equal(again.body.user.id, first.body.user.id);
  });

  test('a page of this server gets a cookie session', async () => {
    const answer = await signInAt(server, 'acme', { return_to: '/account?tab=1' });
    assert.equal(answer.status, 302, answer.text);
    assert.equal(answer.headers.get('location'), 'http://localhost:3000/account?tab=1');
    const me = await server.get('/me', { cookie: answer.who.cookie() });
    assert.equal(me.body.email, 'ada@corp.test', me.text);
    assert.deepEqual(answer.who.names().sort(), ['device', 'session']);
  });

  test('an application gets a code, which its verifier turns into tokens once', async () => {
    const { verifier, challenge } = pkce();
    const answer = await signInAt(server, 'acme', { return_to: `${APP}/done`, code_challenge: challenge });
    const code = param(answer, 'code') as string;
    assert.equal(answer.headers.get('location'), `${APP}/done?code=${code}`);
    const body = { code, code_verifier: verifier };
    const tokens = await server.post('/oauth/exchange', body);
    assert.equal(tokens.status, 200, tokens.text);
    assert.ok(tokens.body.access_token);
    assert.equal((await server.post('/oauth/exchange', body)).body.code, 'token_invalid');
  });

  test('the token of the provider is given to its owner, renewed once it is over', async () => {
    const { body } = await signInAt(server, 'acme');
    const options = { bearer: body.access_token };
    const [identity] = (await server.get('/me/identities', options)).body.data;
    assert.equal(identity.has_token, true);
    const path = `/me/identities/${identity.id}/token`;
    const token = await server.get(path, options);
    assert.equal(token.status, 200, token.text);
    assert.ok(token.body.access_token);
    const other = await server.user({ email: someEmail() });
    assert.equal((await server.get(path, { bearer: other.accessToken })).status, 404);
  });
});
