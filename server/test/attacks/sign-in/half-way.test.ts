// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { someEmail, startServer } from '../../kit.ts';
import { linesOf } from '../accounts/tools.ts';
import { begin, codeFor, comeBack, returned, someVisitor, startHub } from './hub.ts';
import { holder, type World, waiting } from './purposes.ts';
import {
  addTotp,
  ask,
  done,
  forgetGuesses,
  freshCode,
  isSession,
  post,
  type Reply,
  someone,
  tapMails,
} from './tools.ts';

const ID = '00000000-0000-7000-8000-000000000000';

let world: World;
before(async () => {
  const server = await startServer({ env: { REQUIRE_MFA: 'guarded', ...(await startHub()) } });
  world = { server, mailbox: await tapMails(server) };
});

test('I-007 I-008 MFA-01 SES-15 after the password alone no route takes anything that was given so far', async (t) => {
  const { server, mailbox } = world;
  const ada = await holder(world);
  const replies = [
    await post(server, '/auth/login', { email: ada.email, password: 'Quokka-lantern-42-violet' }),
    await post(server, '/auth/login', { email: ada.email, password: 'Quokka-lantern-42-violet', session: 'cookie' }),
  ];
  const given: string[] = [];
  for (const { body, cookies } of replies) {
    assert.deepEqual([Object.keys(body).sort(), cookies], [['factors', 'mfa_token', 'status'], []]);
    given.push(body.mfa_token);
    const options = done(await post(server, '/auth/mfa/passkey-options', { mfa_token: body.mfa_token }), 200).body;
    done(await post(server, '/auth/mfa/email', { mfa_token: body.mfa_token }), 202);
    given.push(options.challenge, (await mailbox.takeOne('mail-code', ada.email)).code as string);
  }
  let requests = 0;
  for (const { method, url, rules } of server.app.house.routes) {
    if (rules.access === 'public' || method === 'OPTIONS') continue;
    const path = url.replace(/:\w+/g, ID);
    for (const value of given) {
      const ways = [
        { bearer: value },
        { cookie: `session=${value}` },
        { cookie: `session=${value}`, headers: { 'x-csrf-token': value } },
        { cookie: `device=${value}; magic-link=${value}; mfa=${value}` },
      ];
      for (const sent of ways) {
        const reply = await ask(server, method, path, sent);
        requests += 1;
        assert.equal(reply.status, 401, `${method} ${url} ${JSON.stringify(sent)}: ${reply.text}`);
        assert.deepEqual(reply.cookies, []);
      }
    }
  }
  // The routes that make tokens out of something else.
  for (const value of given) {
    for (const [path, body] of [
      ['/auth/refresh', { refresh_token: value }],
      ['/oauth/exchange', { code: value, code_verifier: 'v'.repeat(43) }],
      ['/auth/otp/verify', { flow: value, code: given[2] }],
      ['/auth/magic-link/verify', { flow: value, token: value }],
      ['/auth/mfa/enroll/totp', { mfa_token: value }],
    ] as const) {
      const reply = await post(server, path, body);
      assert.ok(reply.status === 400 || reply.status === 401, `${path}: ${reply.text}`);
    }
  }
  t.diagnostic(`${requests} requests with what half a sign-in gives`);
  const answer = { mfa_token: given[0], factor: 'totp', code: freshCode(server, ada.secret) };
  assert.equal(done(await post(server, '/auth/mfa', answer), 200).body.status, 'complete');
});

test('I-003 nothing about the account can be done in a flow that has only named it', async () => {
  const { server } = world;
  const victim = await holder(world);
  const { flow } = done(await post(server, '/auth/otp', { email: victim.email })).body;
  const link = done(await post(server, '/auth/magic-link', { email: victim.email }));
  const { challenge } = done(await post(server, '/auth/passkeys/options', { email: victim.email })).body;
  const half = await waiting(world, victim);
  const acts: [string, string, object?][] = [
    ['PATCH', '/me', { name: 'Taken' }],
    ['POST', '/me/email', { email: someEmail('eve') }],
    ['POST', '/me/password', { current_password: 'x', new_password: 'A-fresh-start-0815' }],
    ['POST', '/me/mfa/totp'],
    ['DELETE', '/me/mfa/totp'],
    ['POST', '/me/mfa/recovery-codes'],
    ['POST', '/me/passkeys/options', {}],
    ['POST', '/oauth/hub/link', { return_to: '/' }],
    ['DELETE', '/me'],
  ];
  for (const value of [flow, link.body.flow, challenge, half]) {
    for (const [method, path, body] of acts) {
      const jar = link.cookies.map((line) => line.split(';')[0]).join('; ');
      for (const sent of [{ bearer: value }, { cookie: `${jar}; session=${value}` }]) {
        const reply = await ask(server, method, `${server.config.API_PREFIX}${path}`, { body, ...sent });
        assert.equal(reply.status, 401, `${method} ${path}: ${reply.text}`);
      }
    }
  }
});

test('MFA-10 I-052 every way in asks for the second factor, but a passkey that is two by itself', async () => {
  const { server, mailbox } = world;
  const ada = await holder(world);
  const visitor = someVisitor(ada.email);
  const link = async () => {
    const { flow } = done(await post(server, '/auth/magic-link', { email: ada.email })).body;
    return { flow, token: (await mailbox.takeOne('magic-link', ada.email)).token };
  };
  const exchanged = async (provider: 'hub') => {
    const begun = await begin(server, provider, { app: true });
    const code = returned(await comeBack(server, begun, codeFor(visitor))).get('code');
    return post(server, '/oauth/exchange', { code, code_verifier: begun.verifier });
  };
  const ways: Record<string, () => Promise<{ body: { status: string; factors: string[] } }>> = {
    password: () => post(server, '/auth/login', { email: ada.email, password: 'Quokka-lantern-42-violet' }),
    'magic link': async () => post(server, '/auth/magic-link/verify', await link()),
    'link opened elsewhere': async () => {
      const { flow, token } = await link();
      const { code } = done(await post(server, '/auth/magic-link/code', { token })).body;
      return post(server, '/auth/magic-link/verify', { flow, code });
    },
    'code by mail': async () => {
      const { flow } = done(await post(server, '/auth/otp', { email: ada.email })).body;
      return post(server, '/auth/otp/verify', { flow, code: (await mailbox.takeOne('mail-code', ada.email)).code });
    },
    provider: async () => comeBack(server, await begin(server), codeFor(visitor)),
    'provider, for an application': () => exchanged('hub'),
    'a password that was reset': async () => {
      done(await post(server, '/auth/password/forgot', { email: ada.email }));
      const { token } = await mailbox.takeOne('reset-password', ada.email);
      const password = 'Other-lantern-43-violet';
      const reset = done(await post(server, '/auth/password/reset', { token, password }), 204);
      assert.ok(!isSession(reset));
      return post(server, '/auth/login', { email: ada.email, password });
    },
  };
  for (const [name, enter] of Object.entries(ways)) {
    await forgetGuesses(server);
    const { body } = await enter();
    assert.equal(body.status, 'mfa_required', `${name}: ${JSON.stringify(body)}`);
    const isByMail = name.includes('link') || name.includes('mail');
    assert.equal(body.factors.includes('email'), !isByMail, `${name}: the same mailbox twice is one factor`);
  }
  const { challenge } = done(await post(server, '/auth/passkeys/options')).body;
  const passkey = await post(server, '/auth/passkeys/verify', ada.key.get({ challenge, rpId: 'localhost' } as never));
  assert.equal(passkey.body.status, 'complete');
});

test('MFA-12 a wrong password and a right one are told apart only as documented; who has it and lacks the factor is told on', async () => {
  const { server, mailbox } = world;
  const ada = await someone(server, mailbox);
  await addTotp(server, ada);
  const wrong = await post(server, '/auth/login', { email: ada.email, password: 'Wrong-guess-of-mine-3' });
  const unknown = await post(server, '/auth/login', { email: someEmail(), password: 'Wrong-guess-of-mine-3' });
  const plain = ({ status, text }: typeof wrong) => [status, text.replace(/"request_id":"[^"]*"/, '')];
  assert.deepEqual(plain(wrong), plain(unknown), 'whether there is a factor is not said before the password');
  const mfa_token = await waiting(world, ada);
  const answers: Reply[] = [];
  for (let n = 0; n < 6; n++)
    answers.push(await post(server, '/auth/mfa', { mfa_token, factor: 'totp', code: '000000' }));
  assert.ok(
    answers.every((one) => plain(one).join() === plain(answers[0] as typeof wrong).join()),
    'one answer',
  );
  assert.equal(answers[0]?.body.code, 'mfa_invalid');
  assert.ok(await mailbox.newest('security-notice', ada.email), 'the owner hears of it');
  const lines = await linesOf(server, ada.id);
  assert.equal(lines.filter((line) => line.startsWith('session.mfa_failed')).length >= 5, true, lines.join());
});
