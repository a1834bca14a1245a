import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../kit.ts';
import { linesOf, subjects, userIdOf } from '../accounts/tools.ts';
import { byMail, otherCode } from './mail-tools.ts';

const clock = testClock();
let server: TestServer;
let mail: ReturnType<typeof byMail>;
before(async () => {
  server = await startServer({ clock, env: { CORS_ORIGIN: 'https://app.example.com' } });
  mail = byMail(server);
});

test('a link signs in where it was asked for, and the session says how', async () => {
  const { email, id } = await server.user();
  const asked = await mail.askLink(email);
  assert.deepEqual([asked.status, asked.body.status, Object.keys(asked.body)], [202, 'sent', ['status', 'flow']]);
  const token = await server.linkToken(email, '/magic-link');
  const answer = await mail.useLink({ flow: asked.body.flow, token });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.user.id, id);
  const claims = JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url').toString());
  assert.deepEqual(claims.amr, ['email']);
  assert.equal((await server.get('/me', { bearer: answer.body.access_token })).status, 200);
  assert.deepEqual((await linesOf(server, id)).slice(-2), ['session.link_sent success', 'session.login success']);
  const [line] = (await server.audit('session.login')).slice(-1);
  assert.equal(line?.detail?.method, 'magic-link');
});

test('a code signs in with its flow, in a cookie session if that is asked for', async () => {
  const { email, id } = await server.user();
  const { flow, code } = await mail.code(email);
  const answer = await mail.useCode({ flow, code, session: 'cookie' });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(Object.keys(answer.body).sort(), ['csrf_token', 'status', 'user']);
  const cookies = answer.headers.getSetCookie().map((line) => line.split('=')[0]);
  assert.deepEqual(cookies, ['session', 'device']);
  assert.deepEqual((await linesOf(server, id)).slice(-2), ['session.code_sent success', 'session.login success']);
});

test('the browser that asked needs no flow of its own: the cookie has it, and those of the tabs before', async () => {
  const { email } = await server.user();
  const first = await mail.askLink(email);
  const early = await server.linkToken(email, '/magic-link');
  const second = await mail.askLink(email, {}, mail.flowCookie(first));
  const [line] = second.headers.getSetCookie();
  assert.match(line ?? '', /^magic-link=fl_[\w-]{43}\.fl_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
  const cookie = mail.flowCookie(second);
  assert.equal((await mail.useLink({ token: early, session: 'cookie' }, cookie)).status, 200);
  const token = await server.linkToken(email, '/magic-link');
  assert.equal((await mail.useLink({ token }, cookie)).status, 200);
  const strict = await startServer({ env: { PUBLIC_URL: 'https://auth.example.com' } });
  const [secure] = (await byMail(strict).askLink(email)).headers.getSetCookie();
  assert.match(secure ?? '', /^__Host-magic-link=fl_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/);
  await strict.close();
});

test('a link opened elsewhere is not used up, and turns into a code for where it was asked for', async () => {
  const { email, id } = await server.user();
  const { flow, token } = await mail.link(email);
  for (const body of [{ token }, { token, flow: 'fl_other' }]) {
    const answer = await mail.useLink(body);
    assert.deepEqual([answer.status, answer.body.code], [409, 'opened_elsewhere']);
  }
  const shown = await mail.showCode(token);
  assert.equal(shown.status, 200);
  assert.match(shown.body.code, /^\d{6}$/);
  assert.equal((await mail.useLink({ token, flow })).body.code, 'token_invalid', 'the link is used up');
  assert.equal((await mail.showCode(token)).body.code, 'token_invalid');
  assert.equal((await mail.useLink({ flow, code: otherCode(shown.body.code) })).body.code, 'token_invalid');
  const spaced = `${shown.body.code.slice(0, 3)} ${shown.body.code.slice(3)}`;
  const answer = await mail.useLink({ flow, code: spaced });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.body.user.id, id);
  assert.equal((await mail.useLink({ flow, code: shown.body.code })).body.code, 'token_invalid', 'once');
  assert.ok((await linesOf(server, id)).includes('session.code_shown success'));
});

test('the code of a link lives no longer than the link would have, takes five tries, and is for its flow alone', async () => {
  const { email } = await server.user();
  const late = await mail.link(email);
  clock.advance(590);
  const code = (await mail.showCode(late.token)).body.code;
  clock.advance(11);
  assert.equal((await mail.useLink({ flow: late.flow, code })).body.code, 'token_invalid');

  const one = await mail.link(email);
  const two = await mail.link(email);
  const ofOne = (await mail.showCode(one.token)).body.code;
  assert.equal((await mail.useLink({ flow: two.flow, code: ofOne })).status, 400);
  assert.equal((await mail.useLink({ code: ofOne })).status, 400, 'and not without one');
  for (let n = 0; n < 5; n++) await mail.useLink({ flow: one.flow, code: otherCode(ofOne) });
  assert.equal((await mail.useLink({ flow: one.flow, code: ofOne })).status, 400, 'five tries');
  assert.equal((await mail.useLink(two)).status, 400, 'a cookie is no field');
  assert.equal((await mail.useLink({ flow: two.flow, token: two.token })).status, 200, 'nobody else’s tries');
});

test('the code shown elsewhere is taken in the browser whose cookie has the flow', async () => {
  const { email } = await server.user();
  const first = await mail.link(email);
  const second = await mail.askLink(email, {}, first.cookie);
  const { code } = (await mail.showCode(first.token)).body;
  assert.equal((await mail.useLink({ code, session: 'cookie' }, mail.flowCookie(second))).status, 200);
});

test('several links and codes stand beside each other: who asks as well ends nobody’s', async () => {
  const { email } = await server.user();
  const mine = await mail.link(email);
  const my = await mail.code(email);
  await mail.askLink(email);
  await mail.askCode(email);
  assert.equal((await mail.useLink({ flow: mine.flow, token: mine.token })).status, 200);
  assert.equal((await mail.useCode(my)).status, 200);
});

test('where to go afterwards is kept if it is allowed, and ignored if it is not', async () => {
  const { email } = await server.user();
  for (const [asked, kept] of [
    ['/account?x=1', '/account?x=1'],
    ['https://app.example.com/welcome', 'https://app.example.com/welcome'],
    ['http://localhost:3000/a', 'http://localhost:3000/a'],
    ['https://evil.test/', undefined],
    ['//evil.test', undefined],
    ['javascript:alert(1)', undefined],
  ] as const) {
    const { flow, token } = await mail.link(email, { return_to: asked });
    const answer = await mail.useLink({ flow, token });
    assert.deepEqual([answer.status, answer.body.return_to], [200, kept], asked);
    clock.advance(3601);
  }
  const { flow, token } = await mail.link(email, { return_to: '/later' });
  const { code } = (await mail.showCode(token)).body;
  assert.equal((await mail.useLink({ flow, code })).body.return_to, '/later', 'over a code as well');
});

test('an address without an account gets one when it is proven, and one only', async () => {
  for (const kind of ['link', 'code'] as const) {
    const email = someEmail('new');
    const before = kind === 'link' ? await mail.link(email) : await mail.code(email);
    assert.deepEqual(await subjects(server, email), [kind === 'link' ? 'Your sign-in link' : 'Your sign-in code']);
    await assert.rejects(userIdOf(server, email), 'no account before');
    const answer =
      'token' in before
        ? await mail.useLink({ flow: before.flow, token: before.token, session: 'cookie' })
        : await mail.useCode(before);
    assert.equal(answer.status, 200, answer.text);
    const { user } = answer.body;
    assert.deepEqual([user.email, user.email_verified, user.has_password, user.roles], [email, true, false, []]);
    assert.deepEqual((await linesOf(server, user.id)).sort(), ['session.login success', 'user.registered success']);
  }
});

test('an account that never proved its address is taken over clean: password, session and device of before are gone', async () => {
  const optional = await startServer({ clock, env: { EMAIL_VERIFICATION: 'optional' } });
  const mail = byMail(optional);
  for (const kind of ['link', 'code'] as const) {
    const email = someEmail('victim');
    const early = (await optional.post('/auth/register', { email, password: PASSWORD, name: 'Mallory' })).body;
    const got = kind === 'link' ? await mail.link(email) : await mail.code(email);
    const answer =
      'token' in got
        ? await mail.useLink({ flow: got.flow, token: got.token, device_token: early.device_token })
        : await mail.useCode({ ...got, device_token: early.device_token });
    assert.equal(answer.status, 200, answer.text);
    const { user } = answer.body;
    assert.deepEqual([user.id, user.email_verified, user.has_password, user.name], [early.user.id, true, false, null]);
    assert.notEqual(answer.body.device_token, early.device_token);
    assert.equal((await optional.get('/me', { bearer: early.access_token })).status, 401);
    assert.equal((await optional.post('/auth/refresh', { refresh_token: early.refresh_token })).status, 401);
    assert.equal((await optional.post('/auth/login', { email, password: PASSWORD })).status, 401);
    assert.ok((await linesOf(optional, user.id)).includes('user.claimed success'));
    assert.ok((await subjects(optional, email)).includes('Your account is now yours alone'));
  }
  await optional.close();
});

test('I-018 a closed registration makes no account by mail, when it is asked for or when it is used', async () => {
  const { accessToken: bearer } = await server.admin();
  const close = async (enabled: boolean) => {
    const tag = (await server.get('/admin/flags', { bearer })).headers.get('etag') as string;
    const body = { flags: [{ key: 'registration', default: enabled }] };
    const path = `${server.config.API_PREFIX}/admin/flags`;
    return server.call('PUT', path, { body, bearer, headers: { 'if-match': tag } });
  };
  const [early, coming] = [someEmail('early'), someEmail('coming')];
  const [link, code] = [await mail.link(early), await mail.code(coming)];
  assert.equal((await close(false)).status, 200);
  const known = await server.user().catch(() => null);
  assert.equal(known, null, 'registering is closed');
  const late = someEmail('late');
  assert.deepEqual([(await mail.askLink(late)).status, (await mail.askCode(late)).status], [202, 202]);
  assert.deepEqual(await server.mails(late), []);
  const answers = [await mail.useLink({ flow: link.flow, token: link.token }), await mail.useCode(code)];
  for (const answer of answers) assert.deepEqual([answer.status, answer.body.code], [403, 'registration_closed']);
  for (const email of [early, coming, late]) await assert.rejects(userIdOf(server, email));
  assert.equal((await close(true)).status, 200);
  assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).status, 200, 'the link was not used up');
});
