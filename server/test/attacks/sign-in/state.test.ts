// engines: postgres
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { count } from '../accounts/tools.ts';
import { begin, codeFor, comeBack, cookieNameOf, someVisitor, startHub } from './hub.ts';
import { ask, cookieOf, done, type Mailbox, post, someone, tapMails } from './tools.ts';

let server: TestServer;
let mailbox: Mailbox;
before(async () => {
  server = await startServer({ env: await startHub() });
  mailbox = await tapMails(server);
});

test('I-005 no cookie that stands for a flow can be computed, or carried over to another person, flow or provider', async () => {
  const [ada, eve] = [await someone(server, mailbox), await someone(server, mailbox)];
  const { cookies } = done(await post(server, '/auth/magic-link', { email: eve.email }));
  const own = cookieOf({ cookies } as never, 'magic-link');
  done(await post(server, '/auth/magic-link', { email: ada.email }));
  const { token } = await mailbox.takeOne('magic-link', ada.email);
  const sha = (text: string) => createHash('sha256').update(text).digest('base64url');
  const agent = 'node';
  const [row] = await server.db.query<{ flow: string }>(
    "SELECT flow FROM auth.one_time_tokens WHERE user_id = $1 AND purpose = 'magic-link' AND used_at IS NULL",
    [ada.id],
  );
  const guesses = [
    ada.id,
    ada.email,
    `${ada.id}:${agent}`,
    sha(ada.id),
    sha(`${ada.id}${agent}`),
    token,
    row?.flow,
    ada.device,
  ];
  for (const guess of guesses) {
    for (const value of [`${guess}`, `fl_${guess}`, `fl_${sha(`${guess}`)}`]) {
      const reply = await post(server, '/auth/magic-link/verify', { token }, { cookie: `magic-link=${value}` });
      assert.equal(reply.body.code, 'opened_elsewhere', value);
    }
  }
  assert.equal(
    (await post(server, '/auth/magic-link/verify', { token }, { cookie: own })).body.code,
    'opened_elsewhere',
  );

  const begun = await begin(server);
  const other = await begin(server, 'elsewhere');
  const [kept] = await server.db.query<{ flow: string; id: string }>(
    "SELECT id, flow FROM auth.one_time_tokens WHERE purpose = 'provider-state' ORDER BY id DESC LIMIT 1",
  );
  const secrets = [
    begun.state,
    sha(begun.state),
    kept?.flow,
    kept?.id,
    other.cookie.split('=')[1],
    `fb_${sha(begun.state)}`,
  ];
  for (const secret of secrets) {
    const cookie = `${cookieNameOf(begun.state)}=${secret}`;
    const reply = await comeBack(server, begun, codeFor(someVisitor(ada.email)), cookie);
    assert.equal(reply.body.code, 'state_invalid', cookie);
  }
  assert.equal((await comeBack(server, begun, codeFor(someVisitor(ada.email)))).body.status, 'complete');
});

test('I-010 what is sealed for one purpose is nothing for another, and neither is a value with another prefix', () => {
  const { encryption } = server.app.house;
  const purposes = [
    'totp',
    'outbox',
    'provider-state',
    'provider-code',
    'provider-link',
    'pending-device',
    'provider-tokens',
  ];
  for (const from of purposes) {
    const sealed = encryption.seal(from, 'a secret');
    assert.equal(encryption.open(from, sealed), 'a secret');
    for (const to of purposes) {
      if (to !== from) assert.throws(() => encryption.open(to, sealed), `${from} as ${to}`);
    }
  }
});

test('I-017 a fresh installation has nobody, and no flow makes an administrator or lets anybody in without a mailbox', async () => {
  const fresh = await startServer({ env: await startHub() });
  await tapMails(fresh);
  const email = someEmail();
  const bodies: Record<string, unknown>[] = [
    {},
    { email },
    { email, password: PASSWORD },
    { email, password: PASSWORD, roles: ['admin'] },
  ];
  for (const value of ['x', 'su_', `su_${'A'.repeat(43)}`, '000000']) {
    bodies.push({ token: value }, { token: value, email, password: PASSWORD }, { token: value, password: PASSWORD });
    bodies.push(
      { flow: value, token: value },
      { flow: value, code: '000000' },
      { refresh_token: value },
      { code: value },
    );
    bodies.push({ mfa_token: value }, { mfa_token: value, factor: 'totp', code: '000000' });
  }
  for (const { method, url, rules } of fresh.app.house.routes) {
    if (rules.access !== 'public' || method !== 'POST') continue;
    for (const body of bodies) {
      const reply = await ask(fresh, method, url.replace(':provider', 'hub'), { body });
      assert.ok(reply.status < 500, `${url}: ${reply.text}`);
      assert.ok(!/access_token|csrf_token/.test(reply.text), `${url}: ${reply.text}`);
    }
  }
  const grants = await fresh.db.query('SELECT 1 FROM auth.user_roles');
  const verified = await fresh.db.query('SELECT 1 FROM auth.users WHERE email_verified_at IS NOT NULL');
  const started = await fresh.db.query('SELECT 1 FROM auth.sessions');
  assert.deepEqual([grants, verified, started], [[], [], []]);
  assert.ok((await count(fresh, 'auth.users')) <= 1, 'the one that registered, whose address nobody has proven');
});
