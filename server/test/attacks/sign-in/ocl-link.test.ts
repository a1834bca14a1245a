// engines: postgres
import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { enrolTotp } from '../../factors.ts';
import { PASSWORD, someEmail, type TestServer, type TestUser } from '../../kit.ts';
import { type Browser, browser, param, pkce, signInAt, throughProvider } from '../../providers/browser.ts';
import { APP, type Providers, startWithProviders } from '../../providers/kit.ts';
import { linesOf, subjects } from '../accounts/tools.ts';
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

const redeem = (link_token: string, who: Browser | null, by: TestUser, more: object = {}) =>
  server.post(
    '/me/identities',
    { link_token, ...more },
    {
      bearer: by.accessToken,
      ...(who === null ? {} : { headers: { cookie: who.cookie() } }),
    },
  );

describe('an account that must be proven first', () => {
  test('its owner signs in as always, sends the link token, and from then on the provider signs in', async () => {
    const owner = await server.user();
    const { status, body, who, linkToken } = await refusedLink(all, owner);
    assert.deepEqual([status, body.code], [409, 'link_required']);
    assert.ok((await subjects(server, owner.email)).some((one) => one.includes('not linked')));
    const linked = await redeem(linkToken, who, owner);
    assert.equal(linked.status, 201, linked.text);
    assert.equal(linked.body.provider, 'beta');
    assert.equal((await redeem(linkToken, who, owner)).body.code, 'token_invalid');
    assert.equal((await signInAt(server, 'beta')).body.user.id, owner.id);
    const told = await subjects(server, owner.email);
    assert.ok(
      told.some((one) => one === 'A sign-in provider was linked'),
      told.join(),
    );
    assert.ok((await linesOf(server, owner.id)).includes('identity.linked success'));
  });

  test('a return address gets the error and the token, and an application redeems it with its verifier', async () => {
    const owner = await server.user();
    const { verifier, challenge } = pkce();
    const answer = await refusedLink(all, owner, { return_to: `${APP}/done`, code_challenge: challenge });
    assert.deepEqual([param(answer, 'error'), param(answer, 'code')], ['link_required', null]);
    const wrong = { code_verifier: pkce().verifier };
    assert.equal((await redeem(answer.linkToken, answer.who, owner, wrong)).body.code, 'token_invalid');
    assert.equal((await redeem(answer.linkToken, answer.who, owner)).body.code, 'token_invalid');
    const right = { code_verifier: verifier };
    assert.equal((await redeem(answer.linkToken, null, owner, right)).status, 201);
  });

  test('I-004 nobody but its signed-in owner, in the browser in which it began, links anything', async () => {
    const owner = await server.user();
    const stranger = await server.user();
    const { who, linkToken } = await refusedLink(all, owner);
    assert.equal((await redeem(linkToken, who, stranger)).body.code, 'token_invalid');
    assert.equal((await redeem(linkToken, null, owner)).body.code, 'token_invalid');
    assert.equal((await redeem(linkToken, browser(server), owner)).body.code, 'token_invalid');
    assert.equal((await server.post('/me/identities', { link_token: linkToken })).status, 401);
    // A first factor only identifies: with a second one outstanding there is no session to link with.
    await enrolTotp(server, owner);
    const half = await server.post('/auth/login', { email: owner.email, password: PASSWORD });
    assert.equal(half.body.status, 'mfa_required');
    const asIf = { ...owner, accessToken: half.body.mfa_token };
    assert.equal((await redeem(linkToken, who, asIf)).status, 401);
    assert.equal(
      (await server.post('/oauth/beta/link', { return_to: '/' }, { bearer: half.body.mfa_token })).status,
      401,
    );
    const rows = await server.db.query('SELECT 1 FROM auth.identities WHERE user_id = ANY($1::uuid[])', [
      [owner.id, stranger.id],
    ]);
    assert.deepEqual(rows, []);
  });

  test('it takes recent authentication, and ends with the quarter of an hour', async () => {
    const owner = await server.user();
    const { who, linkToken } = await refusedLink(all, owner);
    server.clock.advance(server.config.REAUTH_WITHIN + 1);
    assert.equal((await redeem(linkToken, who, owner)).body.code, 'reauthentication_required');
    await server.post('/auth/reauthenticate', { password: PASSWORD }, { bearer: owner.accessToken });
    server.clock.advance(301);
    const login = await server.post('/auth/login', { email: owner.email, password: PASSWORD });
    const again = { ...owner, accessToken: login.body.access_token };
    assert.equal((await redeem(linkToken, who, again)).body.code, 'token_invalid');
  });

  test('it ends with a change of the password', async () => {
    const owner = await server.user();
    const { who, linkToken } = await refusedLink(all, owner);
    const body = { current_password: PASSWORD, new_password: 'Heron-saddle-77-ochre' };
    assert.equal((await server.post('/me/password', body, { bearer: owner.accessToken })).status, 204);
    assert.equal((await redeem(linkToken, who, owner)).body.code, 'token_invalid');
  });
});

/** Begins to link acme; the browser has been there and stands before our callback. */
async function beginLink(user: TestUser, return_to = '/settings'): Promise<{ who: Browser; callback: string }> {
  const who = browser(server);
  const answer = await server.post('/oauth/acme/link', { return_to }, { bearer: user.accessToken });
  assert.equal(answer.status, 200, answer.text);
  who.take(answer);
  return { who, callback: await throughProvider(server, who, answer.body.authorization_url) };
}

describe('a signed-in user', () => {
  test('adds a provider, whatever its address, and both sides hear of it', async () => {
    const user = await server.user();
    const email = someEmail('elsewhere');
    all.acme.be(person('added', email));
    const { who, callback } = await beginLink(user, `${APP}/settings`);
    const answer = await who.visit(callback);
    assert.equal(answer.headers.get('location'), `${APP}/settings?linked=acme`);
    const { body } = await server.get('/me/identities', { bearer: user.accessToken });
    assert.deepEqual([body.data.length, body.data[0].provider, body.data[0].email], [1, 'acme', email]);
    for (const to of [user.email, email])
      assert.ok((await subjects(server, to)).includes('A sign-in provider was linked'), to);
    assert.equal((await signInAt(server, 'acme')).body.user.id, user.id);
  });

  test('what is linked already, to whomever, is not linked again', async () => {
    const [one, two] = [await server.user(), await server.user()];
    all.acme.be(person('taken', someEmail()));
    const first = await beginLink(one);
    assert.equal(param(await first.who.visit(first.callback), 'linked'), 'acme');
    for (const user of [one, two]) {
      const again = await beginLink(user);
      assert.equal(param(await again.who.visit(again.callback), 'error'), 'identity_taken');
    }
    assert.equal((await signInAt(server, 'acme')).body.user.id, one.id);
  });

  test('I-014 a link that was begun elsewhere adds nothing for whoever follows it', async () => {
    const attacker = await server.user();
    all.acme.be(person('victims-own', someEmail()));
    const begun = await beginLink(attacker);
    assert.equal((await browser(server).visit(begun.callback)).body.code, 'state_invalid');
    assert.equal((await server.get('/me/identities', { bearer: attacker.accessToken })).body.data.length, 0);
  });

  test('a link is over with the session that began it, and with the password that stood then', async () => {
    all.acme.be(person('late', someEmail()));
    const user = await server.user();
    const { who, callback } = await beginLink(user);
    await server.post('/auth/logout', {}, { bearer: user.accessToken });
    assert.equal(param(await who.visit(callback), 'error'), 'state_invalid');
    const other = await server.user();
    const begun = await beginLink(other);
    const body = { current_password: PASSWORD, new_password: 'Heron-saddle-77-ochre' };
    await server.post('/me/password', body, { bearer: other.accessToken });
    assert.equal((await begun.who.visit(begun.callback)).body.code, 'state_invalid');
  });

  test('a link of a disabled account adds nothing', async () => {
    all.acme.be(person('off', someEmail()));
    const user = await server.user();
    const { who, callback } = await beginLink(user);
    await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [user.id]);
    assert.equal(param(await who.visit(callback), 'error'), 'state_invalid');
  });

  test('begins only when recently authenticated, and only to an allowed address', async () => {
    const user = await server.user();
    const options = { bearer: user.accessToken };
    for (const return_to of ['https://evil.example', '//evil.example'])
      assert.equal((await server.post('/oauth/acme/link', { return_to }, options)).body.code, 'return_to_not_allowed');
    assert.equal((await server.post('/oauth/nobody/link', { return_to: '/' }, options)).body.code, 'provider_unknown');
    server.clock.advance(server.config.REAUTH_WITHIN + 1);
    const late = await server.post('/oauth/acme/link', { return_to: '/' }, options);
    assert.equal(late.body.code, 'reauthentication_required');
  });

  test('EML-14 removes a provider, but not the last way in, and not somebody else’s', async () => {
    all.acme.be(person('only', someEmail()));
    const { body } = await signInAt(server, 'acme');
    const options = { bearer: body.access_token };
    const [identity] = (await server.get('/me/identities', options)).body.data;
    const path = `${server.config.API_PREFIX}/me/identities/${identity.id}`;
    assert.equal((await server.call('DELETE', path, options)).body.code, 'last_sign_in_method');
    const other = await server.user();
    assert.equal((await server.call('DELETE', path, { bearer: other.accessToken })).status, 404);
    assert.equal((await server.call('DELETE', `${path}x`, options)).status, 404);
    // With a password it is not the last one.
    const begun = await beginLink(other);
    all.acme.be(person('second', someEmail()));
    const again = await beginLink(other);
    assert.equal(param(await again.who.visit(again.callback), 'linked'), 'acme');
    assert.equal(param(await begun.who.visit(begun.callback), 'error'), 'identity_taken');
    const [own] = (await server.get('/me/identities', { bearer: other.accessToken })).body.data;
    const gone = await server.call('DELETE', `${server.config.API_PREFIX}/me/identities/${own.id}`, {
      bearer: other.accessToken,
    });
    assert.equal(gone.status, 204);
    assert.ok((await subjects(server, other.email)).includes('A sign-in provider was unlinked'));
    assert.ok((await linesOf(server, other.id)).includes('identity.unlinked success'));
    assert.notEqual((await signInAt(server, 'acme')).body.user?.id, other.id);
  });

  test('EML-14 two providers removed at once leave one', async () => {
    const email = someEmail();
    all.acme.be(person(`a-${email}`, email));
    const { body } = await signInAt(server, 'acme');
    const options = { bearer: body.access_token };
    const who = browser(server);
    const begun = await server.post('/oauth/beta/link', { return_to: '/' }, options);
    who.take(begun);
    all.beta.be(person(`b-${email}`, email));
    await who.visit(await throughProvider(server, who, begun.body.authorization_url));
    const list = (await server.get('/me/identities', options)).body.data as { id: string }[];
    assert.equal(list.length, 2);
    const answers = await Promise.all(
      list.map(({ id }) => server.call('DELETE', `${server.config.API_PREFIX}/me/identities/${id}`, options)),
    );
    assert.deepEqual(answers.map((one) => one.status).sort(), [204, 409]);
  });
});
