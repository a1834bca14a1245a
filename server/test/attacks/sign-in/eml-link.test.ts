// engines: postgres
import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { enrolTotp } from '../../factors.ts';
import { PASSWORD, someEmail, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { browser, goThere, param, pkce, signInAt, throughProvider } from '../../providers/browser.ts';
import { APP, footprint, type Providers, startWithProviders } from '../../providers/kit.ts';
import { count, essence, linesOf, subjects, times, userIdOf } from '../accounts/tools.ts';
import { person } from './ocl-tools.ts';

let all: Providers;
let server: TestServer;

before(async () => {
  all = await startWithProviders();
  server = all.server;
});

beforeEach(() => {
  for (const one of [all.acme, all.beta]) one.be();
});

const corp = (name: string) => someEmail(name).replace('example.com', 'corp.test');
const identitiesOf = (userId: string) => count(server, 'auth.identities WHERE user_id = $1', userId);

describe('an account that was there before', () => {
  test('I-036 EML-08 one that never proved its address is taken over clean by who proves it: no password, session or factor of before is left', async () => {
    const optional = await startWithProviders({ env: { EMAIL_VERIFICATION: 'optional' } });
    const email = corp('victim');
    const attacker = await optional.server.post('/auth/register', { email, password: PASSWORD });
    assert.equal(attacker.status, 201);
    const bearer = attacker.body.access_token;
    // The attacker links a provider of his own and enrols a factor, to be in it later.
    const his = browser(optional.server);
    optional.beta.be({ claims: { sub: 'attacker', email: someEmail(), email_verified: true } });
    const begun = await optional.server.post('/oauth/beta/link', { return_to: '/' }, { bearer });
    his.take(begun);
    const added = await his.visit(await throughProvider(optional.server, his, begun.body.authorization_url));
    assert.equal(param(added, 'linked'), 'beta');
    await enrolTotp(optional.server, { accessToken: bearer } as TestUser);
    optional.acme.be({ claims: { sub: 'victim', email, email_verified: true } });
    const answer = await signInAt(optional.server, 'acme');
    assert.equal(answer.body.status, 'complete', answer.text);
    assert.deepEqual(
      [answer.body.user.id, answer.body.user.email_verified, answer.body.user.has_password, answer.body.user.mfa.totp],
      [attacker.body.user.id, true, false, false],
    );
    assert.equal((await optional.server.get('/me', { bearer })).status, 401);
    const login = { email, password: PASSWORD };
    assert.equal((await optional.server.post('/auth/login', login)).body.code, 'invalid_credentials');
    const refresh = { refresh_token: attacker.body.refresh_token };
    assert.equal((await optional.server.post('/auth/refresh', refresh)).status, 401);
    assert.notEqual((await signInAt(optional.server, 'beta')).body.user?.id, attacker.body.user.id);
    const told = await subjects(optional.server, email);
    assert.ok(
      told.some((one) => one.includes('yours alone')) && told.some((one) => one.includes('linked')),
      told.join(),
    );
    await optional.server.close();
  });

  test('EML-10 EML-11 I-037 I-039 nothing but the boolean true is a verified address, and nothing else links', async () => {
    const owner = await server.user({ email: corp('owner') });
    for (const value of [false, undefined, null, 'true', 'TRUE', 1, [true], { true: true }, '1']) {
      all.acme.be({ claims: { sub: `sub-${JSON.stringify(value)}`, email: owner.email, email_verified: value } });
      const { body } = await signInAt(server, 'acme');
      assert.equal(body.code, 'email_not_verified', JSON.stringify(value));
    }
    assert.equal(await identitiesOf(owner.id), 0);
    const lines = await linesOf(server, owner.id);
    assert.ok(lines.includes('identity.link_refused denied'));
    const told = (await subjects(server, owner.email)).filter((one) => one.includes('not linked'));
    assert.equal(told.length, 5, 'as many mails as anybody may cause, and no more');
    // The same provider, the same address, verified: it is an authority for it.
    all.acme.be(person('owner', owner.email));
    assert.equal((await signInAt(server, 'acme')).body.user.id, owner.id);
    assert.ok((await linesOf(server, owner.id)).includes('identity.linked success'));
  });

  test('a stranger who names an address learns nothing of it: the answers are the same, again and again', async () => {
    const owner = await server.user();
    const disabled = await server.user();
    await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
    const unverified = someEmail();
    await server.post('/auth/register', { email: unverified, password: PASSWORD });
    const addresses = [owner.email, disabled.email, unverified, someEmail('free')];
    for (const query of [{}, { return_to: '/in' }, { return_to: APP, code_challenge: pkce().challenge }]) {
      for (const [provider, verified] of [
        ['beta', false],
        ['ms', true],
      ] as const) {
        const stand = provider === 'beta' ? all.beta : all.microsoft;
        const answers = [];
        for (const email of addresses) {
          stand.be(person(`stranger-of-${email}`, email, verified));
          for (let i = 0; i < 2; i++) answers.push(essence(await signInAt(server, provider, query)));
        }
        const plain = answers.map((one) => JSON.stringify(one).replaceAll(/flow-[0-9a-f]{16}/g, 'flow'));
        assert.equal(new Set(plain).size, 1, plain.join('\n'));
      }
    }
    assert.equal(await identitiesOf(owner.id), 0);
    assert.equal(await identitiesOf(await userIdOf(server, unverified)), 0);
  });

  test('Microsoft’s address claim is never a proof, whatever it says (nOAuth)', async () => {
    const owner = await server.user();
    const claims = {
      sub: 'm1',
      email: owner.email,
      email_verified: true,
      xms_edov: true,
      preferred_username: owner.email,
    };
    all.microsoft.be({ claims });
    assert.equal((await signInAt(server, 'ms')).body.code, 'email_not_verified');
    assert.equal(await identitiesOf(owner.id), 0);
  });

  test('I-052 I-039 a disabled account is not signed in to, linked or not', async () => {
    const email = corp('gone');
    all.acme.be(person('gone', email));
    const { body } = await signInAt(server, 'acme');
    await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [body.user.id]);
    const earlier = await footprint(server);
    assert.equal((await signInAt(server, 'acme')).body.code, 'invalid_credentials');
    const { challenge } = pkce();
    const app = await signInAt(server, 'acme', { return_to: `${APP}/x`, code_challenge: challenge });
    assert.deepEqual([param(app, 'error'), param(app, 'code')], ['invalid_credentials', null]);
    await server.db.execute('DELETE FROM auth.identities WHERE user_id = $1', [body.user.id]);
    assert.equal((await signInAt(server, 'acme')).body.code, 'invalid_credentials');
    assert.equal(await identitiesOf(body.user.id), 0);
    assert.equal((await footprint(server)).sessions, earlier.sessions);
  });
});

describe('who somebody is', () => {
  test('EML-12 I-045 a subject that is empty, null, a number, huge or no text is refused', async () => {
    const earlier = await footprint(server);
    for (const sub of ['', ' ', null, 0, 7, true, [], ['a'], {}, 'x'.repeat(256), 'a\u0000b', 'é', ' a', 'a\n'])
      await check(sub);
    assert.deepEqual(await footprint(server), earlier);
    async function check(sub: unknown): Promise<void> {
      all.acme.be({ claims: { sub, email: someEmail(), email_verified: true } });
      assert.equal((await signInAt(server, 'acme')).body.code, 'provider_answer_invalid', JSON.stringify(sub));
    }
    all.acme.be(person('x'.repeat(255), someEmail()));
    assert.equal((await signInAt(server, 'acme')).status, 200);
  });

  test('EML-12 the same subject at two providers is two people', async () => {
    all.acme.be(person('same', someEmail()));
    all.beta.be(person('same', someEmail()));
    const [one, two] = [await signInAt(server, 'acme'), await signInAt(server, 'beta')];
    assert.notEqual(one.body.user.id, two.body.user.id);
    all.acme.be(person('SAME', someEmail()));
    assert.notEqual((await signInAt(server, 'acme')).body.user.id, one.body.user.id);
  });

  test('EML-13 another address at the provider moves nobody, and nobody is merged', async () => {
    const other = await server.user({ email: corp('other') });
    const email = corp('first');
    all.acme.be(person('mover', email));
    const first = await signInAt(server, 'acme');
    all.acme.be(person('mover', other.email));
    const again = await signInAt(server, 'acme');
    assert.deepEqual([again.body.user.id, again.body.user.email], [first.body.user.id, email]);
    assert.equal(await identitiesOf(other.id), 0);
  });

  test('I-041 I-042 the address of a provider has the one form of the house, and a list of addresses is none', async () => {
    const owner = await server.user({ email: corp('nfkc') });
    all.acme.be(person('wide', owner.email.replace('@', '\uff20').toUpperCase()));
    assert.equal((await signInAt(server, 'acme')).body.user.id, owner.id);
    const earlier = await footprint(server);
    const lists = [`a@evil.example,${owner.email}`, `a@evil.example;${owner.email}`, `${owner.email}\na@evil.example`];
    for (const email of [...lists, [owner.email], `"${owner.email}"`, `A <${owner.email}>`, null, '', 7, undefined]) {
      all.acme.be(person('lister', email));
      const { status, body } = await signInAt(server, 'acme');
      assert.deepEqual([status, body.code], [400, 'provider_answer_invalid'], JSON.stringify(email));
      assert.match(body.detail, /e-mail address/);
    }
    assert.deepEqual(await footprint(server), earlier);
  });

  test('many first sign-ins of one person at once make one account', async () => {
    all.acme.be(person('crowd', corp('crowd')));
    const flows = await times(12, () => goThere(server, 'acme'));
    const answers = await Promise.all(flows.map((flow) => flow.who.visit(flow.callback)));
    const ids = new Set(answers.filter((one) => one.status === 200).map((one) => one.body.user.id));
    assert.equal(ids.size, 1);
    const others = answers.filter((one) => one.status !== 200).map((one) => one.text);
    assert.ok(
      others.every((one) => one.includes('"busy"')),
      others.join(),
    );
    assert.equal(await count(server, "auth.identities WHERE subject = 'crowd'"), 1);
  });

  test('REG-07 I-018 a closed registration is closed here too, and says the same of claimed addresses', async () => {
    const closed = await startWithProviders();
    const known = await closed.server.user({ email: corp('known') });
    const admin = await closed.server.admin();
    const headers = {
      'if-match': (await closed.server.get('/admin/flags', { bearer: admin.accessToken })).headers.get(
        'etag',
      ) as string,
    };
    const set = await closed.server.call('PUT', `${closed.server.config.API_PREFIX}/admin/flags`, {
      bearer: admin.accessToken,
      headers,
      body: { flags: [{ key: 'registration', default: false }] },
    });
    assert.equal(set.status, 200, set.text);
    const earlier = await footprint(closed.server);
    closed.acme.be(person('new', corp('new')));
    assert.equal((await signInAt(closed.server, 'acme')).body.code, 'registration_closed');
    closed.acme.be(person('k', known.email, false));
    const claimed = essence(await signInAt(closed.server, 'acme'));
    closed.acme.be(person('f', corp('free'), false));
    assert.deepEqual(essence(await signInAt(closed.server, 'acme')), claimed);
    assert.equal((await footprint(closed.server)).users, earlier.users);
    closed.acme.be(person('known', known.email));
    assert.equal((await signInAt(closed.server, 'acme')).body.user.id, known.id);
    await closed.server.close();
  });
});

describe('a new account whose address the provider does not prove', () => {
  test('waits for the link in its mail, which is sent again with the next try', async () => {
    const email = someEmail();
    all.beta.be(person('waits', email, false));
    assert.equal((await signInAt(server, 'beta')).body.code, 'email_not_verified');
    assert.equal((await signInAt(server, 'beta')).body.code, 'email_not_verified');
    const token = await server.linkToken(email, '/verify-email');
    assert.equal((await server.post('/auth/verify-email', { token })).status, 200);
    const answer = await signInAt(server, 'beta');
    assert.deepEqual([answer.body.status, answer.body.user.has_password], ['complete', false]);
  });

  test('EML-10 who proves its address in the mailbox afterwards displaces the provider of before', async () => {
    const email = corp('hijack');
    all.beta.be(person('hijacker', email, false));
    await signInAt(server, 'beta');
    const id = await userIdOf(server, email);
    assert.equal(await identitiesOf(id), 1);
    all.acme.be(person('rightful', email));
    assert.equal((await signInAt(server, 'acme')).body.user.id, id);
    const rows = await server.db.query<{ subject: string }>('SELECT subject FROM auth.identities WHERE user_id = $1', [
      id,
    ]);
    assert.deepEqual(rows, [{ subject: 'rightful' }]);
    assert.equal((await signInAt(server, 'beta')).body.code, 'email_not_verified');
  });
});

test('I-127 a server without providers has none, and says so', async () => {
  const none = await startServer();
  assert.deepEqual((await none.get('/oauth/providers')).body, { data: [] });
  for (const path of ['/oauth/google/start', '/oauth//start']) assert.equal((await none.get(path)).status, 404, path);
});
