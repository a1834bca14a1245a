// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, startServer } from '../../kit.ts';
import { begin, codeFor, comeBack, someVisitor, startHub } from './hub.ts';
import { enrolment, type Holder, holder, type World, waiting } from './purposes.ts';
import { ask, done, forgetGuesses, freshCode, isSession, logIn, post, type Reply, someone, tapMails } from './tools.ts';

let world: World;
before(async () => {
  const server = await startServer({ env: { REQUIRE_MFA: 'guarded', ...(await startHub()) } });
  world = { server, mailbox: await tapMails(server) };
});

const STEPS = ['/auth/', '/oauth/', '/setup', '/email/', '/me/mfa', '/me/passkeys', '/me/identities'];

async function sessions(): Promise<number> {
  const [row] = await world.server.db.query<{ n: number }>('SELECT count(*)::int AS n FROM auth.sessions');
  return row?.n as number;
}

test('I-002 FL-02 an empty request to any step, by any method, moves nothing', async (t) => {
  const { server } = world;
  const ada = await holder(world);
  const mfa_token = await waiting(world, ada);
  const { token: enrolling } = await enrolment(world);
  const before = await sessions();
  let requests = 0;
  for (const { url } of server.app.house.routes) {
    if (!STEPS.some((step) => url.includes(step)) || url.includes('/admin/')) continue;
    const path = url.replace(':provider', 'hub').replace(/:\w+/g, 'nothing');
    for (const method of ['POST', 'GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
      for (const sent of [{}, { body: {} }, { body: [] }, { body: null }, { form: {} }, { body: '' }]) {
        if ((method === 'GET' || method === 'HEAD') && Object.keys(sent).length > 0) continue;
        const reply = await ask(server, method, path, { ...sent, cookie: `mfa=${mfa_token}; magic-link=${mfa_token}` });
        requests += 1;
        assert.ok(!isSession(reply) && reply.status < 500, `${method} ${path}: ${reply.status} ${reply.text}`);
        assert.notEqual(reply.body?.status, 'complete');
      }
    }
  }
  assert.equal(await sessions(), before);
  await forgetGuesses(server);
  // What waited still waits for the same: nothing of it was taken as shown, or used up.
  const body = { mfa_token, factor: 'totp', code: freshCode(server, ada.secret) };
  assert.equal((await post(server, '/auth/mfa', { mfa_token, factor: 'totp', code: '000000' })).status, 401);
  assert.equal(done(await post(server, '/auth/mfa', body), 200).body.status, 'complete');
  done(await post(server, '/auth/mfa/enroll/totp', { mfa_token: enrolling }), 200);
  t.diagnostic(`${requests} empty requests`);
});

const byTotp = ({ server }: World, mfa_token: string, { secret }: Holder, more: object = {}): Promise<Reply> =>
  post(server, '/auth/mfa', { mfa_token, factor: 'totp', code: freshCode(server, secret), ...more });

test('FL-03 two tabs of one sign-in are one sign-in: the first to finish is in, the other is told that it is over', async () => {
  const ada = await holder(world);
  const mfa_token = await waiting(world, ada);
  const first = await byTotp(world, mfa_token, ada);
  const second = await byTotp(world, mfa_token, ada);
  assert.deepEqual([first.status, second.status, second.body.code], [200, 401, 'mfa_invalid']);
});

test('FL-03 a form that is submitted twice at once is taken once', async () => {
  const { server } = world;
  const ada = await holder(world);
  const mfa_token = await waiting(world, ada);
  const body = { mfa_token, factor: 'totp', code: freshCode(server, ada.secret) };
  const replies = await Promise.all([post(server, '/auth/mfa', body), post(server, '/auth/mfa', body)]);
  assert.deepEqual(replies.map((one) => one.status).sort(), [200, 401]);
});

test('FL-03 two people who sign in at the same time in one browser do not mix', async () => {
  const { server, mailbox } = world;
  const [ada, bob] = [await holder(world), await holder(world)];
  const [forAda, forBob] = [await waiting(world, ada), await waiting(world, bob)];
  // The code of one in the sign-in of the other.
  for (const [token, other] of [
    [forAda, bob],
    [forBob, ada],
  ] as const) {
    assert.equal((await byTotp(world, token, other)).body.code, 'mfa_invalid');
    const body = { mfa_token: token, factor: 'recovery_code', code: other.recoveryCodes[0] };
    assert.equal((await post(server, '/auth/mfa', body)).body.code, 'mfa_invalid');
  }
  // A code that was mailed for one sign-in, in another of the same person.
  const again = await waiting(world, ada);
  done(await post(server, '/auth/mfa/email', { mfa_token: again }), 202);
  const { code } = await mailbox.takeOne('mail-code', ada.email);
  assert.equal((await post(server, '/auth/mfa', { mfa_token: forAda, factor: 'email', code })).status, 401);
  // The passkey options of one sign-in, answered in another.
  const { challenge } = done(await post(server, '/auth/mfa/passkey-options', { mfa_token: again })).body;
  const credential = ada.key.get({ challenge, rpId: 'localhost' } as never);
  assert.equal((await post(server, '/auth/mfa', { mfa_token: forAda, credential })).status, 401);
  assert.equal((await byTotp(world, forAda, ada)).body.user.email, ada.email);
  assert.equal((await byTotp(world, forBob, bob)).body.user.email, bob.email);
});

test('FL-03 going back and beginning anew leaves the earlier sign-in as it was, and a finished one finished', async () => {
  const { server } = world;
  const ada = await holder(world);
  const earlier = await waiting(world, ada);
  const later = await waiting(world, ada);
  const { body } = done(await byTotp(world, later, ada), 200);
  assert.equal((await byTotp(world, later, ada)).status, 401, 'back to the page of the code, and submitted once more');
  assert.equal(done(await byTotp(world, earlier, ada), 200).body.status, 'complete');
  done(await post(server, '/auth/logout', {}, { bearer: body.access_token }), 204);
  assert.equal((await ask(server, 'GET', '/api/v1/me', { bearer: body.access_token })).status, 401);
  assert.equal((await byTotp(world, later, ada)).status, 401, 'back after signing out');
});

test('FL-03 interleaved flows of the same person end each as what they were', async () => {
  const { server, mailbox } = world;
  const ada = await someone(server, mailbox);
  const { flow } = done(await post(server, '/auth/magic-link', { email: ada.email })).body;
  const { token } = await mailbox.takeOne('magic-link', ada.email);
  const { flow: other } = done(await post(server, '/auth/otp', { email: ada.email })).body;
  const { code } = await mailbox.takeOne('mail-code', ada.email);
  assert.equal((await post(server, '/auth/otp/verify', { flow, code })).status, 400);
  assert.equal((await post(server, '/auth/magic-link/verify', { flow: other, token })).status, 409);
  assert.equal((await logIn(server, ada.email)).body.status, 'complete');
  assert.equal((await post(server, '/auth/otp/verify', { flow: other, code })).body.status, 'complete');
  assert.equal((await post(server, '/auth/magic-link/verify', { flow, token })).body.status, 'complete');
});

test('I-014 a flow that somebody began and another finishes gives the one who began it nothing', async () => {
  const { server, mailbox } = world;
  const victim = await someone(server, mailbox);
  // The attacker asks, the victim opens: the link is of the attacker's browser, and says so.
  const asked = done(await post(server, '/auth/magic-link', { email: victim.email }));
  const { token } = await mailbox.takeOne('magic-link', victim.email);
  assert.equal((await post(server, '/auth/magic-link/verify', { token })).body.code, 'opened_elsewhere');
  // The attacker's own sign-in at a provider, finished in the victim's browser (login CSRF), and the other way round.
  const planted = await begin(server);
  assert.equal((await comeBack(server, planted, codeFor(someVisitor(victim.email)), '')).body.code, 'state_invalid');
  const own = await begin(server);
  assert.equal((await comeBack(server, planted, codeFor(someVisitor(victim.email)), own.cookie)).status, 400);
  // A waiting sign-in that the attacker began with a password of his own does not become the victim's.
  const attacker = await holder(world);
  const half = await waiting(world, attacker);
  const { body } = await post(
    server,
    '/auth/login',
    { email: victim.email, password: PASSWORD },
    { cookie: `mfa=${half}` },
  );
  assert.equal(body.user.email, victim.email);
  assert.equal((await ask(server, 'GET', '/api/v1/me', { bearer: half })).status, 401);
  assert.equal((await post(server, '/auth/mfa', { mfa_token: half, factor: 'password', code: PASSWORD })).status, 401);
  assert.equal(
    (await post(server, '/auth/magic-link/verify', { flow: asked.body.flow, token })).status,
    200,
    'its own place',
  );
});
