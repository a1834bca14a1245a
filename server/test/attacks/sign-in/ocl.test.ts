// engines: postgres
import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { someEmail, type TestServer } from '../../kit.ts';
import { browser, goThere, param, signInAt, startUrl } from '../../providers/browser.ts';
import { footprint, type Providers, startWithProviders } from '../../providers/kit.ts';
import type { Behaviour } from '../../providers/stand-in.ts';
import { times } from '../accounts/tools.ts';

let all: Providers;
let server: TestServer;

before(async () => {
  all = await startWithProviders();
  server = all.server;
});

beforeEach(() => {
  for (const one of [all.acme, all.beta, all.github, all.microsoft, all.apple]) one.be();
});

const good = (): Behaviour => ({ claims: { sub: someEmail(), email: someEmail(), email_verified: true } });

/** A sign-in at acme is refused with this code, and nothing has come of it. */
async function refused(behaviour: Behaviour, code: string, label: string): Promise<void> {
  all.acme.be(behaviour);
  const earlier = await footprint(server);
  const answer = await signInAt(server, 'acme');
  assert.equal(answer.body?.code, code, `${label}: ${answer.status} ${answer.text}`);
  assert.deepEqual(await footprint(server), earlier, label);
}

describe('the state', () => {
  test('OCL-01 I-025 a callback without a state, with a wrong, a used or an expired one is refused', async () => {
    all.acme.be(good());
    const callback = `${server.config.OAUTH_REDIRECT_URL}/acme`;
    const who = browser(server);
    for (const query of ['', '?code=x', '?state=', '?code=x&state=st_unknown', `?code=x&state=${'s'.repeat(200)}`]) {
      const { status, body } = await who.visit(callback + query);
      assert.deepEqual([status, body.code], [400, 'state_invalid'], query);
    }
    for (const query of ['?state=a&state=b', `?state=${'s'.repeat(201)}`]) {
      assert.equal((await who.visit(callback + query)).status, 400, query);
    }
    const flow = await goThere(server, 'acme');
    assert.equal((await flow.who.visit(flow.callback)).status, 200);
    assert.equal((await flow.who.visit(flow.callback)).body.code, 'state_invalid');
    const late = await goThere(server, 'acme');
    server.clock.advance(601);
    assert.equal((await late.who.visit(late.callback)).body.code, 'state_invalid');
  });

  test('OCL-01 I-014 what began in one browser does not end in another, and nobody gains by it', async () => {
    all.acme.be(good());
    const earlier = await footprint(server);
    const attacker = await goThere(server, 'acme');
    const victim = browser(server);
    assert.equal((await victim.visit(attacker.callback)).body.code, 'state_invalid');
    // Nor with a cookie of another flow of their own, whatever it is called.
    const own = await goThere(server, 'acme', {}, victim);
    assert.equal((await victim.visit(attacker.callback)).body.code, 'state_invalid');
    const [name] = attacker.who.names();
    victim.set(name as string, victim.cookie().split('=')[1] as string);
    assert.equal((await victim.visit(attacker.callback)).body.code, 'state_invalid');
    assert.deepEqual(await footprint(server), earlier);
    assert.equal((await victim.visit(own.callback)).status, 200);
    assert.equal((await attacker.who.visit(attacker.callback)).status, 200); // and nobody else has used it up
  });

  test('OCL-01 two tabs of one browser do not disturb each other', async () => {
    all.acme.be(good());
    const who = browser(server);
    const flows = [await goThere(server, 'acme', {}, who), await goThere(server, 'acme', {}, who)];
    for (const flow of flows) assert.equal((await who.visit(flow.callback)).status, 200);
    assert.deepEqual(who.names(), []);
  });

  test('OCL-01 flows that were begun and never finished do not fill the jar', async () => {
    const who = browser(server);
    for (let i = 0; i < 30; i++) await who.visit(startUrl(server, 'acme'));
    assert.ok(who.names().length <= 9, String(who.names().length));
  });

  test('OCL-01 one state used 50 times at once is used once', async () => {
    all.acme.be(good());
    const earlier = await footprint(server);
    const { who, callback } = await goThere(server, 'acme');
    const [cookie, path] = [who.cookie(), callback.slice(server.config.PUBLIC_URL.length)];
    const answers = await times(50, () => server.call('GET', path, { cookie }));
    assert.equal(answers.filter((one) => one.status === 200).length, 1);
    assert.equal(answers.filter((one) => one.body.code === 'state_invalid').length, 49);
    assert.equal((await footprint(server)).sessions, (earlier.sessions as number) + 1);
  });

  test('FL-02 a HEAD or OPTIONS on the way uses nothing up', async () => {
    all.acme.be(good());
    const { who, callback } = await goThere(server, 'acme');
    const path = callback.slice(server.config.PUBLIC_URL.length);
    for (const method of ['HEAD', 'OPTIONS']) {
      assert.ok([204, 404, 405].includes((await server.call(method, path, { cookie: who.cookie() })).status), method);
    }
    assert.equal((await who.visit(callback)).status, 200);
  });

  test('OCL-02 I-040 a state for one provider is nothing at the callback of another, and a foreign iss is refused', async () => {
    all.acme.be(good());
    all.beta.be(good());
    const earlier = await footprint(server);
    const { who, callback } = await goThere(server, 'acme');
    assert.equal((await who.visit(callback.replace('/acme?', '/beta?'))).body.code, 'state_invalid');
    all.beta.calls.length = 0;
    assert.deepEqual(all.beta.calls, []);
    for (const iss of [all.beta.url, 'https://evil.example', `${all.acme.url}/`, '', `${all.acme.url} `]) {
      all.acme.be({ ...good(), answer: (params) => params.set('iss', iss) });
      all.acme.asked.length = 0;
      const answer = await signInAt(server, 'acme');
      if (iss === '') continue;
      assert.equal(answer.body.code, 'provider_answer_invalid', iss);
      assert.equal(all.acme.asked.length, 0, 'the code is not shown to anybody');
    }
    const after = await footprint(server);
    assert.ok((after.sessions as number) - (earlier.sessions as number) <= 1);
    all.acme.be({ ...good(), answer: (params) => params.set('iss', all.acme.url) });
    assert.equal((await signInAt(server, 'acme')).status, 200);
  });

  test('I-011 I-049 the server signs nothing that a caller gives it, and delimiters move nothing', async () => {
    const hostile = [
      '/a%7Chttps://evil.example%7Cadmin',
      '/a&redirect_uri=https://evil.example',
      '/a;roles=admin',
      '/a::x',
    ];
    for (const return_to of hostile) {
      all.acme.be(good());
      const { started, who, callback } = await goThere(server, 'acme', { return_to });
      const url = new URL(started.headers.get('location') as string);
      assert.match(url.searchParams.get('state') as string, /^st_[A-Za-z0-9_-]{43}$/);
      assert.equal(url.searchParams.get('redirect_uri'), `${server.config.OAUTH_REDIRECT_URL}/acme`);
      assert.ok(!url.href.includes('evil.example'));
      const answer = await who.visit(callback);
      assert.equal(new URL(answer.headers.get('location') as string).origin, server.config.PUBLIC_URL);
    }
    const own = await server.get('/oauth/acme/start?state=mine&nonce=mine');
    assert.equal(own.body.code, 'validation_failed');
  });

  test('I-033 a provider that is no longer configured ends what was begun with it', async () => {
    all.acme.be(good());
    const flow = await goThere(server, 'acme');
    assert.equal((await flow.who.visit(flow.callback.replace('/acme?', '/gone?'))).body.code, 'provider_unknown');
    assert.equal((await server.get('/oauth/gone/start')).body.code, 'provider_unknown');
    for (const id of ['__proto__', 'constructor', '%2e%2e', 'ACME'])
      assert.equal((await server.get(`/oauth/${id}/start`)).status, 404, id);
  });
});

describe('the answer of the provider', () => {
  test('OCL-03 I-038 an ID token that is wrong or lacks something is refused', async () => {
    const claims = { sub: someEmail(), email: someEmail(), email_verified: true };
    const now = Math.floor(Date.now() / 1000);
    const wrong: [string, Behaviour][] = [
      ['wrong nonce', { claims: { ...claims, nonce: 'another' } }],
      ['wrong aud', { claims: { ...claims, aud: 'another-client' } }],
      ['several aud without azp', { claims: { ...claims, aud: ['auth-api', 'another'] } }],
      ['wrong azp', { claims: { ...claims, aud: ['auth-api', 'another'], azp: 'another' } }],
      ['wrong iss', { claims: { ...claims, iss: 'https://evil.example' } }],
      ['expired', { claims: { ...claims, exp: now - 120 } }],
      ['not yet valid', { claims: { ...claims, nbf: now + 600 } }],
      ['exp as text', { claims: { ...claims, exp: String(now + 300) } }],
      ['alg none', { claims, alg: 'none' }],
      [
        'alg none that is announced',
        { claims, alg: 'none', discovery: { id_token_signing_alg_values_supported: ['none'] } },
      ],
      ['HS256 with the client secret', { claims, alg: 'HS256' }],
      ['somebody else’s key', { claims, hasForeignKey: true }],
      ['unknown kid', { claims, kid: 'nobody' }],
      ['no ID token', { claims, token: { id_token: undefined } }],
      ['ID token null', { claims, token: { id_token: null } }],
      ['ID token cut', { claims, token: { id_token: 'a.b' } }],
      ...['nonce', 'aud', 'exp', 'iat', 'iss', 'sub'].map((name): [string, Behaviour] => [
        `without ${name}`,
        { claims, without: [name] },
      ]),
    ];
    for (const [label, behaviour] of wrong) await refused(behaviour, 'provider_answer_invalid', label);
    all.acme.be({ claims });
    assert.equal((await signInAt(server, 'acme')).status, 200); // and without the fault it works
  });

  test('OCL-03 HS256 is refused even where the provider announces it', async () => {
    const fresh = await startWithProviders();
    fresh.acme.be({
      ...good(),
      alg: 'HS256',
      discovery: { id_token_signing_alg_values_supported: ['HS256', 'ES256'] },
    });
    assert.equal((await signInAt(fresh.server, 'acme')).body.code, 'provider_answer_invalid');
    await fresh.server.close();
  });

  test('OCL-04 a code from the attacker’s own sign-in, put into the victim’s flow, is refused by PKCE', async () => {
    all.acme.be(good());
    const earlier = await footprint(server);
    const [attacker, victim] = [await goThere(server, 'acme'), await goThere(server, 'acme')];
    const mixed = new URL(victim.callback);
    mixed.searchParams.set('code', new URL(attacker.callback).searchParams.get('code') as string);
    assert.equal((await victim.who.visit(mixed.href)).body.code, 'provider_answer_invalid');
    assert.deepEqual(await footprint(server), earlier);
    // And the authorization request says S256, with a challenge of its own each time.
    const [one, two] = [attacker, victim].map(({ started }) => new URL(started.headers.get('location') as string));
    assert.equal(one?.searchParams.get('code_challenge_method'), 'S256');
    for (const name of ['code_challenge', 'nonce', 'state'])
      assert.notEqual(one?.searchParams.get(name), two?.searchParams.get(name));
  });

  test('OCL-09 user information about somebody else is refused', async () => {
    const userinfo = { sub: 'somebody-else', email: 'x@corp.test', email_verified: true };
    const fresh = await startWithProviders();
    const earlier = await footprint(fresh.server);
    for (const one of [userinfo, { ...userinfo, sub: undefined }, { ...userinfo, sub: '' }, null]) {
      fresh.acme.be({ claims: { sub: 'me' }, userinfo: one });
      assert.equal((await signInAt(fresh.server, 'acme')).body.code, 'provider_answer_invalid');
    }
    assert.deepEqual(await footprint(fresh.server), earlier);
    fresh.acme.be({ claims: { sub: 'me' }, userinfo: { ...userinfo, sub: 'me' } });
    assert.equal((await signInAt(fresh.server, 'acme')).body.user.email, 'x@corp.test');
    await fresh.server.close();
  });

  test('OCL-07 I-116 what the provider says in its errors reaches no answer', async () => {
    const html = '<script>alert(1)</script>';
    all.acme.be({
      answer: (params) => {
        params.delete('code');
        params.set('error', 'access_denied');
        params.set('error_description', html);
      },
    });
    const denied = await signInAt(server, 'acme');
    assert.deepEqual([denied.status, denied.body.code], [400, 'provider_denied']);
    assert.match(denied.body.detail, /access_denied/);
    assert.ok(!denied.text.includes('script'));
    all.acme.be({ answer: (params) => params.set('error', html) });
    const strange = await signInAt(server, 'acme', { return_to: '/in' });
    assert.equal(param(strange, 'error'), 'provider_denied');
    assert.ok(!strange.text.includes('script') && !(strange.headers.get('location') ?? '').includes('script'));
    const json = await signInAt(server, 'acme');
    assert.match(json.headers.get('content-type') ?? '', /application\/problem\+json/);
    assert.ok(!json.text.includes('script'));
    all.acme.be({ ...good(), token: { error: html, error_description: html, access_token: undefined } });
    assert.ok(!(await signInAt(server, 'acme')).text.includes('script'));
  });

  test('I-131 a callback with a token instead of a code is refused', async () => {
    all.acme.be({
      answer: (params) => {
        params.delete('code');
        params.set('access_token', 'x');
      },
    });
    assert.equal((await signInAt(server, 'acme')).body.code, 'provider_answer_invalid');
  });

  test('I-044 OCL-11 nobody can name an issuer, or bring an ID token of their own', async () => {
    for (const path of ['/oauth/token', '/oauth/id-token', '/auth/id-token', '/oauth/acme/token'])
      assert.equal((await server.call('POST', `${server.config.API_PREFIX}${path}`)).status, 404, path);
    const start = await server.get('/oauth/acme/start?issuer=https://evil.example');
    assert.equal(start.body.code, 'validation_failed');
    const body = { code: 'x', code_verifier: 'v'.repeat(43), issuer: 'https://evil.example' };
    assert.equal((await server.post('/oauth/exchange', body)).body.code, 'validation_failed');
  });
});
