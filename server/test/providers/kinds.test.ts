// engines: postgres
import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { before, beforeEach, describe, test } from 'node:test';
import { count } from '../attacks/accounts/tools.ts';
import { someEmail, startServer, type TestServer } from '../kit.ts';
import { goThere, param, signInAt } from './browser.ts';
import { APPLE_KEY, footprint, type Providers, startWithProviders } from './kit.ts';
import { CLIENT_ID, startStandIn, TENANT } from './stand-in.ts';

let all: Providers;
let server: TestServer;

before(async () => {
  all = await startWithProviders();
  server = all.server;
});

beforeEach(() => {
  for (const one of [all.github, all.microsoft, all.apple]) one.be();
});

describe('GitHub', () => {
  const address = (email: string, verified: unknown = true, primary = true) => ({
    email,
    verified,
    primary,
    visibility: null,
  });

  test('OCL-10 the verified primary address of the list counts, and not the one in the profile', async () => {
    const email = someEmail('primary');
    all.github.be({
      user: { id: 583231, login: 'octocat', name: 'Octo Cat', email: someEmail('shown') },
      emails: [address(someEmail('other'), true, false), address(email)],
    });
    all.github.calls.length = 0;
    const { body } = await signInAt(server, 'gh');
    assert.deepEqual([body.user.email, body.user.email_verified, body.user.name], [email, true, 'Octo Cat']);
    assert.deepEqual(all.github.calls.sort(), [
      'GET /api/v3/user',
      'GET /api/v3/user/emails',
      'POST /login/oauth/access_token',
    ]);
  });

  test('OCL-10 the key is the number: another name or address is the same person, the same name with another number is not', async () => {
    const email = someEmail();
    all.github.be({ user: { id: 7001, login: 'ada' }, emails: [address(email)] });
    const first = await signInAt(server, 'gh');
    all.github.be({ user: { id: 7001, login: 'renamed' }, emails: [address(someEmail())] });
    assert.equal((await signInAt(server, 'gh')).body.user.id, first.body.user.id);
    all.github.be({ user: { id: 7002, login: 'ada' }, emails: [address(email)] });
    const other = await signInAt(server, 'gh');
    assert.equal(other.body.code, 'link_required'); // proven there, but GitHub gives out no mailboxes
  });

  test('OCL-10 EML-11 an address that is not verified proves nothing', async () => {
    const owner = await server.user();
    for (const [index, verified] of [false, undefined, 'true', 1, null].entries()) {
      const emails = [{ ...address(owner.email), verified }, address(someEmail(), true, false)];
      all.github.be({ user: { id: 8000 + index }, emails });
      assert.equal((await signInAt(server, 'gh')).body.code, 'email_not_verified', String(verified));
    }
    assert.equal(await count(server, 'auth.identities WHERE user_id = $1', owner.id), 0);
  });

  test('I-045 an error that looks like an answer is nobody', async () => {
    const earlier = await footprint(server);
    const emails = [address(someEmail())];
    for (const user of [
      {},
      null,
      [],
      { id: null },
      { id: 0 },
      { id: '' },
      { id: '583231' },
      { id: -1 },
      { id: 1.5 },
      { id: 2 ** 60 },
      { message: 'Bad credentials' },
    ]) {
      all.github.be({ user, emails });
      assert.equal((await signInAt(server, 'gh')).body.code, 'provider_answer_invalid', JSON.stringify(user));
    }
    for (const list of [[], {}, null, { message: 'Not Found' }, [null], [{}], [address(someEmail(), true, false)]]) {
      all.github.be({ user: { id: 9001 }, emails: list });
      const { body } = await signInAt(server, 'gh');
      assert.match(body.detail ?? '', /e-mail address/, JSON.stringify(list));
    }
    all.github.be({ user: { id: 9002 }, emails, answer: (params) => params.set('code', 'wrong') });
    assert.equal((await signInAt(server, 'gh')).body.code, 'provider_answer_invalid'); // GitHub says so with a 200
    assert.deepEqual(await footprint(server), earlier);
  });
});

describe('Microsoft', () => {
  test('every tenant is an issuer of its own, and is asked once', async () => {
    const email = someEmail();
    all.microsoft.be({ claims: { sub: 'ms-1', email } });
    all.microsoft.calls.length = 0;
    assert.equal((await signInAt(server, 'ms')).body.code, 'email_not_verified');
    const tokens = all.microsoft.calls.filter((one) => one === 'POST /token');
    assert.equal(tokens.length, 1);
    const token = await server.linkToken(email, '/verify-email');
    await server.post('/auth/verify-email', { token });
    assert.equal((await signInAt(server, 'ms')).body.status, 'complete');
    const rows = await server.db.query<{ issuer: string }>("SELECT issuer FROM auth.identities WHERE subject = 'ms-1'");
    assert.deepEqual(rows, [{ issuer: `${all.microsoft.url}/${TENANT}/v2.0` }]);
  });

  test('OCL-03 a tenant that is missing, misspelled or not the issuer’s is refused, and so are other faults', async () => {
    const claims = { sub: 'ms-2', email: someEmail() };
    const other = '11111111-6c67-4c5b-b112-36a304b66dad';
    for (const tid of [undefined, null, '', 'common', '../x', `${TENANT}/x`, TENANT.toUpperCase(), 7, other]) {
      all.microsoft.be({ claims: { ...claims, tid } });
      assert.equal((await signInAt(server, 'ms')).body.code, 'provider_answer_invalid', String(tid));
    }
    for (const wrong of [
      { alg: 'none' as const },
      { hasForeignKey: true },
      { without: ['nonce'] },
      { claims: { ...claims, aud: 'x' } },
    ]) {
      all.microsoft.be({ claims, ...wrong });
      assert.equal((await signInAt(server, 'ms')).body.code, 'provider_answer_invalid', JSON.stringify(wrong));
    }
  });
});

describe('Apple', () => {
  /** What the form of Apple posts. */
  const form = (callback: string) => Object.fromEntries(new URLSearchParams(new URL(callback).hash.slice(1)));
  const callbackUrl = () => `${server.config.OAUTH_REDIRECT_URL}/apple`;
  const person = () => ({
    sub: someEmail(),
    email: `${someEmail().split('@')[0]}@privaterelay.appleid.com`,
    email_verified: true,
  });
  const apples = { origin: 'https://appleid.apple.com', 'sec-fetch-site': 'cross-site' };

  test('its form is taken from another site, with a secret that is signed, and a name that comes beside it', async () => {
    const claims = person();
    const user = JSON.stringify({ name: { firstName: 'Ada', lastName: 'Lovelace' }, email: 'ignored@evil.example' });
    all.apple.be({ claims, form: { user } });
    all.apple.asked.length = 0;
    const { who, started, callback } = await goThere(server, 'apple');
    const asked = new URL(started.headers.get('location') as string).searchParams;
    assert.deepEqual([asked.get('response_mode'), asked.get('scope')], ['form_post', 'openid name email']);
    const cookie = started.headers.get('set-cookie') ?? '';
    assert.match(cookie, /HttpOnly; SameSite=None; Max-Age=600; Secure$/);
    const answer = await who.visit(callbackUrl(), { form: form(callback), headers: apples });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual([answer.body.user.email, answer.body.user.name], [claims.email, 'Ada Lovelace']);
    const secret = all.apple.asked[0]?.get('client_secret') as string;
    const [head, body, signature] = secret.split('.') as [string, string, string];
    const parts = [head, body].map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()));
    assert.deepEqual(parts[0], { alg: 'ES256', kid: 'KEY1234567' });
    const { iss, sub, aud, exp, iat } = parts[1];
    assert.deepEqual([iss, sub, aud, exp - iat], ['ABCDE12345', CLIENT_ID, 'https://appleid.apple.com', 600]);
    const key = { key: createPublicKey(APPLE_KEY.publicPem), dsaEncoding: 'ieee-p1363' as const };
    assert.ok(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')));
  });

  test('the form is protected by state and cookie, and other routes take no forms and no other sites', async () => {
    all.apple.be({ claims: person() });
    const { who, callback } = await goThere(server, 'apple');
    const fields = form(callback);
    const path = '/auth/callback/apple';
    const raw = new URLSearchParams(fields).toString();
    const type = 'application/x-www-form-urlencoded';
    assert.equal((await server.call('POST', path, { raw, type, headers: apples })).body.code, 'state_invalid');
    const cookie = who.cookie();
    const twice = await server.call('POST', path, { raw: `${raw}&state=x`, type, cookie });
    assert.equal(twice.body.code, 'malformed_request');
    for (const wrong of ['application/json', 'text/plain', 'multipart/form-data', `${type}; charset=utf-7`])
      assert.equal((await server.call('POST', path, { raw, type: wrong, cookie })).status, 415, wrong);
    const big = await server.call('POST', path, { raw: `${raw}&x=${'y'.repeat(40_000)}`, type, cookie });
    assert.equal(big.status, 413);
    assert.equal((await server.call('POST', '/api/v1/auth/login', { raw: 'a=b', type })).status, 415);
    const cross = await server.call('POST', '/api/v1/oauth/exchange', { body: { code: 'x' }, headers: apples });
    assert.equal(cross.body.code, 'origin_not_allowed');
    assert.equal((await who.visit(callbackUrl(), { form: fields, headers: apples })).status, 200);
  });

  test('cancelling there comes back as provider_denied', async () => {
    all.apple.be({
      answer: (params) => {
        params.delete('code');
        params.set('error', 'user_cancelled_authorize');
      },
    });
    const { who, callback } = await goThere(server, 'apple', { return_to: '/in' });
    const answer = await who.visit(callbackUrl(), { form: form(callback), headers: apples });
    assert.equal(param(answer, 'error'), 'provider_denied');
  });
});

describe('Google', () => {
  test('is an authority for gmail.com and for hosted domains, and for nothing else', async () => {
    const issuer = await startStandIn();
    const entry = { id: 'g', preset: 'google', issuer: issuer.url, client_id: CLIENT_ID, client_secret: issuer.secret };
    const own = await startServer({ env: { OIDC_PROVIDERS: JSON.stringify([entry]) } });
    const cases: [string, Record<string, unknown>, string][] = [
      ['gmail.com', {}, 'complete'],
      ['company.test', { hd: 'company.test' }, 'complete'],
      ['company.test', {}, 'link_required'],
      ['company.test', { hd: '' }, 'link_required'],
      ['company.test', { hd: true }, 'link_required'],
      ['gmail.com.evil.test', {}, 'link_required'],
    ];
    for (const [domain, more, expected] of cases) {
      const user = await own.user({ email: someEmail().replace('example.com', domain) });
      issuer.be({ claims: { sub: user.id, email: user.email, email_verified: true, ...more } });
      const { body } = await signInAt(own, 'g');
      assert.equal(body.code ?? body.status, expected, `${domain} ${JSON.stringify(more)}`);
    }
    await own.close();
  });
});

describe('the tokens of a provider', () => {
  test('are sealed at rest, kept only where that is asked for, and renewed by one of many', async () => {
    const issuer = await startStandIn();
    const entry = {
      id: 'kept',
      issuer: issuer.url,
      client_id: CLIENT_ID,
      client_secret: issuer.secret,
      store_tokens: true,
    };
    const own = await startServer({ env: { OIDC_PROVIDERS: JSON.stringify([entry]) } });
    issuer.be({ claims: { sub: 'k', email: someEmail(), email_verified: true }, token: { refresh_token: 'rt-1' } });
    const { body } = await signInAt(own, 'kept');
    const options = { bearer: body.access_token };
    const [identity] = (await own.get('/me/identities', options)).body.data;
    const path = `/me/identities/${identity.id}/token`;
    const first = await own.get(path, options);
    assert.match(first.body.access_token, /^at-/);
    const stored = async () =>
      (await own.db.query<{ tokens_sealed: string }>('SELECT tokens_sealed FROM auth.identities'))[0]?.tokens_sealed;
    const sealed = (await stored()) as string;
    assert.ok(!sealed.includes(first.body.access_token) && !Buffer.from(sealed, 'base64url').includes('rt-1'));
    own.clock.advance(290);
    issuer.asked.length = 0;
    const answers = await Promise.all(Array.from({ length: 8 }, () => own.get(path, options)));
    assert.equal(new Set(answers.map((one) => one.body.access_token)).size, 1, answers.map((one) => one.text).join());
    assert.match(answers[0]?.body.access_token, /^renewed-/);
    assert.equal(issuer.asked[0]?.get('refresh_token'), 'rt-1');
    // What is moved into the row of another identity opens nobody's tokens.
    await own.db.execute("UPDATE auth.identities SET subject = 'other'");
    assert.equal((await own.get(path, options)).status, 500);
    await own.db.execute("UPDATE auth.identities SET subject = 'k'");
    own.clock.advance(own.config.REAUTH_WITHIN);
    assert.equal((await own.get(path, options)).body.code, 'reauthentication_required');
    await own.close();
    all.acme.be({ claims: { sub: 'none', email: someEmail(), email_verified: true }, token: { refresh_token: 'rt' } });
    await signInAt(server, 'acme');
    assert.equal(await count(server, 'auth.identities WHERE tokens_sealed IS NOT NULL'), 0);
  });
});
