// engines: postgres
import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { enrolTotp, nextCode, showFactor } from '../../factors.ts';
import { someEmail, type TestServer } from '../../kit.ts';
import { goThere, param, pkce, signInAt } from '../../providers/browser.ts';
import { APP, footprint, type Providers, startWithProviders } from '../../providers/kit.ts';
import { times } from '../accounts/tools.ts';
import { person, refusedLink } from './ocl-tools.ts';

let all: Providers;
let server: TestServer;

before(async () => {
  all = await startWithProviders();
  server = all.server;
});

beforeEach(() => {
  for (const one of [all.acme, all.beta]) one.be();
});

describe('MFA-10 the second factor is demanded after a provider, too', () => {
  const withTotp = async () => {
    const user = await server.user({ email: someEmail().replace('example.com', 'corp.test') });
    const { secret } = await enrolTotp(server, user);
    all.acme.be(person(`mfa-${user.id}`, user.email));
    return { user, secret };
  };

  test('MFA-10 in the JSON answer', async () => {
    const { user, secret } = await withTotp();
    const { body } = await signInAt(server, 'acme');
    assert.deepEqual([body.status, body.access_token], ['mfa_required', undefined]);
    const answer = await showFactor(server, body.mfa_token, 'totp', nextCode(server, secret));
    assert.equal(answer.body.user?.id, user.id, answer.text);
  });

  test('MFA-10 an application hears of it at the exchange', async () => {
    await withTotp();
    const { verifier, challenge } = pkce();
    const { sessions } = await footprint(server);
    const answer = await signInAt(server, 'acme', { return_to: `${APP}/`, code_challenge: challenge });
    const { body } = await server.post('/oauth/exchange', { code: param(answer, 'code'), code_verifier: verifier });
    assert.equal(body.status, 'mfa_required');
    assert.equal((await footprint(server)).sessions, sessions);
  });

  test('MFA-10 I-007 a page of ours gets no cookie, but a code for this browser', async () => {
    const { user, secret } = await withTotp();
    const answer = await signInAt(server, 'acme', { return_to: '/in' });
    assert.ok(!answer.who.names().includes('session'));
    const code = param(answer, 'code') as string;
    assert.equal((await server.post('/oauth/exchange', { code })).body.code, 'token_invalid');
    const forged = { code, code_verifier: 'v'.repeat(43) };
    assert.equal((await server.post('/oauth/exchange', forged)).body.code, 'token_invalid');
    const { body } = await server.post('/oauth/exchange', { code }, { cookie: answer.who.cookie() });
    assert.equal(body.status, 'mfa_required');
    assert.equal((await server.post('/oauth/exchange', { code }, { cookie: answer.who.cookie() })).status, 400);
    const done = await showFactor(server, body.mfa_token, 'totp', nextCode(server, secret));
    assert.equal(done.body.user?.id, user.id, done.text);
    assert.match(done.headers.get('set-cookie') ?? '', /session=/); // a page of ours has a cookie session
  });
});

describe('the code of an application', () => {
  const codeFor = async (challenge: string) => {
    all.acme.be(person(someEmail('code'), someEmail()));
    return param(
      await signInAt(server, 'acme', { return_to: `${APP}/x`, code_challenge: challenge }),
      'code',
    ) as string;
  };

  test('I-024 exchanged 50 times at once it works once', async () => {
    const { verifier, challenge } = pkce();
    const code = await codeFor(challenge);
    const { sessions } = await footprint(server);
    const answers = await times(50, () => server.post('/oauth/exchange', { code, code_verifier: verifier }));
    assert.equal(answers.filter((one) => one.status === 200).length, 1);
    assert.ok(answers.every((one) => one.status === 200 || one.body.code === 'token_invalid'));
    assert.equal((await footprint(server)).sessions, (sessions as number) + 1);
  });

  test('I-060 I-061 it is nothing without its verifier, with another one, or after a minute', async () => {
    const { verifier, challenge } = pkce();
    const code = await codeFor(challenge);
    for (const more of [{}, { code_verifier: challenge }, { code_verifier: pkce().verifier }])
      assert.equal((await server.post('/oauth/exchange', { code, ...more })).body.code, 'token_invalid');
    for (const code_verifier of ['', 'short', 'x'.repeat(129), null, [verifier]])
      assert.equal((await server.post('/oauth/exchange', { code, code_verifier })).body.code, 'validation_failed');
    server.clock.advance(61);
    assert.equal((await server.post('/oauth/exchange', { code, code_verifier: verifier })).body.code, 'token_invalid');
  });

  test('I-009 I-010 no value of one step is anything at another', async () => {
    const owner = await server.user();
    const { verifier, challenge } = pkce();
    const code = await codeFor(challenge);
    const { linkToken, who } = await refusedLink(all, owner);
    const flow = await goThere(server, 'acme');
    const state = new URL(flow.callback).searchParams.get('state') as string;
    const bearer = { bearer: owner.accessToken, headers: { cookie: `${who.cookie()}; ${flow.who.cookie()}` } };
    for (const value of [linkToken, state]) {
      const body = { code: value, code_verifier: verifier };
      assert.equal((await server.post('/oauth/exchange', body)).body.code, 'token_invalid');
      const plain = await server.post('/oauth/exchange', { code: value }, { headers: bearer.headers });
      assert.equal(plain.body.code, 'token_invalid');
    }
    for (const value of [code, state])
      assert.equal((await server.post('/me/identities', { link_token: value }, bearer)).body.code, 'token_invalid');
    for (const value of [code, linkToken, state]) {
      for (const path of ['/auth/verify-email', '/email/confirm', '/email/undo'])
        assert.equal((await server.post(path, { token: value })).body.code, 'token_invalid', path);
      assert.equal((await server.post('/auth/mfa', { mfa_token: value, factor: 'totp', code: '123456' })).status, 401);
    }
    for (const value of [code, linkToken]) {
      const url = new URL(flow.callback);
      url.searchParams.set('state', value);
      assert.equal((await flow.who.visit(url.href)).body.code, 'state_invalid');
    }
  });

  test('OCL-08 an application’s address takes a challenge of 43 characters', async () => {
    const ask = (query: Record<string, string>) => server.get(`/oauth/acme/start?${new URLSearchParams(query)}`);
    for (const code_challenge of ['', 'x', 'x'.repeat(42), 'x'.repeat(44), `${'x'.repeat(42)}=`, `${'x'.repeat(42)}+`])
      assert.equal((await ask({ return_to: `${APP}/x`, code_challenge })).body.code, 'return_to_not_allowed');
    assert.equal((await ask({ return_to: `${APP}/x` })).body.code, 'return_to_not_allowed');
    assert.equal((await ask({ return_to: 'https://evil.example', code_challenge: 'x'.repeat(43) })).status, 400);
    const plain = { return_to: `${APP}/x`, code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' };
    assert.equal((await ask(plain)).body.code, 'validation_failed');
    assert.equal((await ask({ ...plain, code_challenge_method: 'S256' })).status, 302);
  });
});
