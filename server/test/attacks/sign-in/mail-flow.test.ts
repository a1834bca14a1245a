// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { enrolTotp, nextCode, showFactor } from '../../factors.ts';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../kit.ts';
import { count, essence, tally, times } from '../accounts/tools.ts';
import { byMail } from './mail-tools.ts';

const clock = testClock();
let server: TestServer;
let mail: ReturnType<typeof byMail>;
before(async () => {
  server = await startServer({ clock });
  mail = byMail(server);
});

const STEPS = ['/auth/magic-link', '/auth/magic-link/verify', '/auth/magic-link/code', '/auth/otp', '/auth/otp/verify'];
const NEW = 'A-fresh-start-0815';

test('FL-02 I-002 a GET, HEAD or OPTIONS, an empty or half-filled POST, does nothing at any step', async () => {
  const { email } = await server.user();
  const link = await mail.link(email);
  const code = await mail.code(email);
  const bare = { flow: code.flow, token: link.token, code: code.code, email };
  const query = new URLSearchParams(bare).toString();
  for (const path of STEPS) {
    const url = `${server.config.API_PREFIX}${path}`;
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
      const { status } = await server.call(method, `${url}?${query}`, { cookie: link.cookie });
      assert.ok(method === 'OPTIONS' ? status === 204 : status === 405, `${method} ${path}: ${status}`);
    }
    for (const body of [undefined, {}, { flow: link.flow }, { flow: code.flow }, [], null, 'x']) {
      const answer = await server.call('POST', url, { body, cookie: link.cookie });
      assert.equal(answer.status, 400, `${path} ${JSON.stringify(body)}`);
    }
    const form = { raw: query, type: 'application/x-www-form-urlencoded', cookie: link.cookie };
    assert.equal((await server.call('POST', url, form)).status, 415);
  }
  const both = await mail.useLink({ flow: link.flow, token: link.token, code: code.code });
  assert.deepEqual([both.status, both.body.errors[0].field], [400, 'token']);
  assert.equal((await mail.useCode(code)).status, 200);
  assert.equal(
    (await mail.useLink({ flow: link.flow, token: link.token })).status,
    200,
    'all of them are as good as new',
  );
});

test('mail scanners may open the page of a link as often as they like', async () => {
  const { email } = await server.user();
  const { flow, token } = await mail.link(email);
  for (let n = 0; n < 5; n++) {
    for (const method of ['GET', 'HEAD'])
      assert.equal((await server.call(method, `/magic-link?token=${token}`)).status, 200);
  }
  assert.equal((await mail.useLink({ flow, token })).status, 200);
});

test('FL-03 a double submit signs in once, and two flows do not mix', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  const [a, b] = [await mail.link(ada.email), await mail.link(bob.email)];
  for (const crossed of [
    { flow: b.flow, token: a.token },
    { flow: a.flow, token: b.token },
  ])
    assert.equal((await mail.useLink(crossed)).body.code, 'opened_elsewhere');
  const codeOfA = (await mail.showCode(a.token)).body.code;
  assert.equal((await mail.useLink({ flow: b.flow, code: codeOfA })).status, 400);
  assert.deepEqual(tally(await times(2, () => mail.useLink({ flow: b.flow, token: b.token }))), { 200: 1, 400: 1 });
  assert.equal((await mail.useLink({ flow: a.flow, code: codeOfA })).body.user.id, ada.id);
  assert.equal((await mail.useLink({ flow: a.flow, code: codeOfA })).status, 400, 'the back button');
});

test('I-014 who prepares a link for a victim gains nothing when it is opened in the victim’s browser', async () => {
  const [eve, ada] = [await server.user(), await server.user()];
  const prepared = await mail.link(eve.email);
  const elsewhere = await mail.useLink({ token: prepared.token, session: 'cookie' });
  assert.equal(elsewhere.status, 409);
  assert.equal(elsewhere.headers.get('set-cookie'), null, 'nobody is signed in as Eve');
  const asked = (await mail.askLink(ada.email)).body.flow; // Eve asks for Ada's link, and keeps the flow
  const token = await server.linkToken(ada.email, '/magic-link');
  assert.equal((await mail.useLink({ token, session: 'cookie' })).status, 409, 'Ada opens it at home');
  for (const code of ['000000', '123456']) assert.equal((await mail.useLink({ flow: asked, code })).status, 400);
  assert.equal((await mail.useLink({ flow: asked, token: 'ml_guess' })).status, 400);
});

test('I-015 who comes in is who has the mailbox, whoever was signed in in the browser before', async () => {
  const bob = await server.user({ session: 'cookie' });
  const ada = await server.user();
  const asked = await mail.askLink(ada.email, {}, bob.cookie);
  const token = await server.linkToken(ada.email, '/magic-link');
  const cookie = `${bob.cookie}; ${mail.flowCookie(asked)}`;
  const answer = await mail.useLink({ token, session: 'cookie' }, cookie);
  assert.equal(answer.body.user.id, ada.id);
  const session = answer.headers.getSetCookie().find((line) => line.startsWith('session=')) ?? '';
  assert.equal((await server.get('/me', { cookie: session.split(';')[0] as string })).body.id, ada.id);
});

test('I-001 no branch beside the mail leads anywhere: a flow alone, a token of another, a code never sent', async () => {
  const { email, id } = await server.user();
  const sessions = () => count(server, 'auth.sessions WHERE user_id = $1', id);
  const before = await sessions();
  const link = (await mail.askLink(email)).body.flow;
  const otp = (await mail.askCode(email)).body.flow;
  for (const flow of [link, otp]) {
    for (const body of [
      { flow, token: flow },
      { flow, code: flow },
      { flow, code: '000000' },
      { flow, token: 'x' },
    ])
      assert.equal((await mail.useLink(body)).status, 400);
    assert.equal((await mail.useCode({ flow, code: flow })).status, 400);
    assert.equal((await mail.showCode(flow)).status, 400);
    assert.equal((await server.post('/auth/password/reset', { token: flow, password: NEW })).status, 400);
    assert.equal((await server.post('/auth/mfa', { mfa_token: flow, factor: 'email', code: '000000' })).status, 401);
  }
  assert.equal(await sessions(), before);
});

test('I-009 a link, a flow and a shown code are nothing at any other endpoint, whatever their prefix', async () => {
  const { email, accessToken } = await server.user();
  const link = await mail.link(email);
  const code = await mail.code(email);
  const elsewhere: ((token: string) => Promise<{ status: number }>)[] = [
    (token) => server.post('/auth/verify-email', { token }),
    (token) => server.post('/auth/password/reset', { token, password: NEW }),
    (token) => server.post('/email/confirm', { token }),
    (token) => server.post('/email/undo', { token }),
    (token) => server.post('/auth/refresh', { refresh_token: token }),
    (token) => server.get('/me', { bearer: token }),
    (token) => server.get('/me', { cookie: `session=${token}` }),
    (token) => server.post('/auth/mfa', { mfa_token: token, factor: 'totp', code: '000000' }),
    (token) => server.post('/auth/mfa/email', { mfa_token: token }),
  ];
  for (const value of [link.token, link.flow, code.flow]) {
    for (const prefix of ['', 've_', 'rp_', 'cp_', 'ce_', 'ue_', 'mf_', 'ml_', 'fl_', 'mc_', 'st_']) {
      const token = prefix === '' ? value : prefix + value.slice(3);
      for (const [n, call] of elsewhere.entries())
        assert.ok([400, 401].includes((await call(token)).status), `${token.slice(0, 3)} at ${n}`);
    }
  }
  await server.post('/auth/password/forgot', { email });
  const foreign = [await server.linkToken(email, '/reset-password'), accessToken, code.flow, link.flow];
  for (const token of foreign.filter((one) => one.length <= 200)) {
    assert.equal((await mail.useLink({ flow: link.flow, token })).body.code, 'token_invalid');
    assert.equal((await mail.showCode(token)).body.code, 'token_invalid');
  }
  assert.equal((await mail.useCode({ flow: link.token, code: code.code })).status, 400);
  assert.equal((await mail.useCode(code)).status, 200);
  assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).status, 200);
});

test('I-029 I-030 I-031 ten minutes, whatever cleans up, and whatever the stored time is; and once', async () => {
  const { email, id } = await server.user();
  const late = await mail.link(email);
  clock.advance(599);
  assert.equal((await mail.useLink({ token: late.token })).status, 409, 'a second before it is alive');
  clock.advance(2);
  assert.equal((await mail.useLink({ flow: late.flow, token: late.token })).body.code, 'token_invalid');
  assert.equal((await mail.showCode(late.token)).body.code, 'token_invalid');
  for (const when of ['epoch', '-infinity']) {
    const [link, code] = [await mail.link(email), await mail.code(email)];
    await server.db.execute(`UPDATE auth.one_time_tokens SET expires_at = '${when}' WHERE user_id = $1`, [id]);
    assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).status, 400);
    assert.equal((await mail.useCode(code)).status, 400);
  }
  const unknown = essence(await mail.useLink({ flow: late.flow, token: 'ml_unknown' }));
  assert.deepEqual(essence(await mail.useLink({ flow: late.flow, token: late.token })), unknown, 'one answer for all');
});

test('FL-01 a session comes only with what the account asks for: a link is one factor, and a mailbox is not two', async () => {
  const ada = await server.user();
  const { secret } = await enrolTotp(server, ada);
  for (const kind of ['link', 'code'] as const) {
    const got = kind === 'link' ? await mail.link(ada.email, { return_to: '/home' }) : await mail.code(ada.email);
    const answer = 'token' in got ? await mail.useLink({ flow: got.flow, token: got.token }) : await mail.useCode(got);
    assert.deepEqual([answer.status, answer.body.status], [200, 'mfa_required']);
    assert.deepEqual(Object.keys(answer.body).sort(), ['factors', 'mfa_token', 'status']);
    assert.ok(!answer.body.factors.includes('email'));
    const again = 'token' in got ? await mail.useLink({ flow: got.flow, token: got.token }) : await mail.useCode(got);
    assert.equal(again.status, 400, 'used up');
    const done = await showFactor(server, answer.body.mfa_token, 'totp', nextCode(server, secret));
    assert.equal(done.status, 200, done.text);
    const claims = JSON.parse(Buffer.from(done.body.access_token.split('.')[1], 'base64url').toString());
    assert.deepEqual(
      [claims.amr, done.body.return_to],
      [['email', 'otp', 'mfa'], kind === 'link' ? '/home' : undefined],
    );
  }
});

test('an account with codes by mail as second factor is asked for its password after a link', async () => {
  const ada = await server.user();
  await server.db.execute('UPDATE auth.users SET mail_factor_at = created_at WHERE id = $1', [ada.id]);
  const { flow, token } = await mail.link(ada.email);
  const answer = await mail.useLink({ flow, token });
  assert.deepEqual([answer.body.status, answer.body.factors], ['mfa_required', ['password']]);
  const wrong = await showFactor(server, answer.body.mfa_token, 'password', `${PASSWORD}x`);
  assert.equal(wrong.status, 401);
  const sent = await server.post('/auth/mfa/email', { mfa_token: answer.body.mfa_token });
  assert.equal(sent.status, 401, 'the mailbox twice is not two factors');
  assert.equal((await showFactor(server, answer.body.mfa_token, 'password', PASSWORD)).status, 200);
});

test('a link or code for an address that is not the account’s any more is nothing', async () => {
  const ada = await server.user();
  const old = ada.email;
  const [link, shown, code] = [await mail.link(old), await mail.link(old), await mail.code(old)];
  const shownCode = (await mail.showCode(shown.token)).body.code;
  await server.db.execute('UPDATE auth.users SET email = $2 WHERE id = $1', [ada.id, someEmail('moved')]);
  assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).status, 400);
  assert.equal((await mail.useLink({ flow: shown.flow, code: shownCode })).status, 400);
  assert.equal((await mail.useCode(code)).status, 400);
  assert.equal(await count(server, 'auth.users WHERE email = $1', old), 0, 'and makes no account either');
});
