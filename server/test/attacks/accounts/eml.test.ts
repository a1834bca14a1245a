// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, type TestUser, testClock } from '../../kit.ts';
import { count, linesOf, subjects, tally, times } from './tools.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

const NEW = 'A-fresh-start-0815';
const DAY = 24 * 3600;
const login = (email: string, password: string) => server.post('/auth/login', { email, password });
const confirm = (token: string) => server.post('/email/confirm', { token });
const undo = (token: string) => server.post('/email/undo', { token });

async function ask(user: TestUser, email: string, bearer = user.accessToken): Promise<void> {
  const answer = await server.post('/me/email', { email }, { bearer });
  assert.equal(answer.status, 202, answer.text);
}

/** The change asked for and confirmed; the undo link that went to the old address. */
async function move(user: TestUser, fromAddress: string, to: string): Promise<string> {
  await ask(user, to);
  const token = await server.linkToken(fromAddress, '/undo-email');
  assert.equal((await confirm(await server.linkToken(to, '/confirm-email'))).status, 200);
  return token;
}

async function emailOf(id: string): Promise<string> {
  return (await server.db.query<{ email: string }>('SELECT email FROM auth.users WHERE id = $1', [id]))[0]
    ?.email as string;
}

test('EML-04 the old address gets a notice whose link takes the change back and ends every session', async () => {
  const ada = await server.user();
  const to = someEmail('moved');
  const link = await move(ada, ada.email, to);
  assert.equal((await login(to, PASSWORD)).status, 200);
  assert.equal((await login(ada.email, PASSWORD)).status, 401);
  assert.equal((await undo(link)).status, 200);
  assert.equal(await emailOf(ada.id), ada.email);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.post('/auth/refresh', { refresh_token: ada.refreshToken })).status, 401);
  assert.equal(await count(server, 'auth.devices WHERE user_id = $1', ada.id), 0);
  assert.equal((await subjects(server, ada.email)).at(-1), 'Reset your password', 'and a new password is offered');
  assert.equal((await undo(link)).status, 400, 'once');
  assert.equal((await linesOf(server, ada.id)).at(-1), 'user.email_change_undone success');
});

test('EML-04 the undo works however often the intruder changed the address since, and ends the intruder’s own undo', async () => {
  const ada = await server.user();
  const [first, second] = [someEmail('evil'), someEmail('evil')];
  const owners = await move(ada, ada.email, first);
  const intruders = await move(ada, first, second);
  assert.equal((await undo(owners)).status, 200);
  assert.equal(await emailOf(ada.id), ada.email);
  assert.equal((await undo(intruders)).status, 400);
  assert.equal(await emailOf(ada.id), ada.email);
});

test('EML-04 the undo works although the intruder registered the old address meanwhile', async () => {
  const ada = await server.user();
  const link = await move(ada, ada.email, someEmail('evil'));
  assert.equal(
    (await server.post('/auth/register', { email: ada.email, password: 'Squatters-rights-77' })).status,
    202,
  );
  const squat = await server.linkToken(ada.email, '/verify-email');
  assert.equal((await undo(link)).status, 200);
  assert.equal(await emailOf(ada.id), ada.email);
  assert.equal(await count(server, 'auth.users WHERE email = $1', ada.email), 1);
  assert.equal((await server.post('/auth/verify-email', { token: squat })).status, 400);
  assert.equal((await login(ada.email, 'Squatters-rights-77')).status, 401);
  assert.equal((await server.audit('user.deleted')).at(-1)?.reason, 'address_reclaimed');
});

test('EML-04 an account that has proven the old address stands, and the undo is refused', async () => {
  const ada = await server.user();
  const link = await move(ada, ada.email, someEmail('gone'));
  const heir = await server.user({ email: ada.email, password: NEW });
  assert.equal((await undo(link)).status, 400);
  assert.equal(await emailOf(heir.id), ada.email);
});

test('EML-04 the undo ends after a week, and a pending change after a day, with nothing that cleans up', async () => {
  const ada = await server.user();
  const to = someEmail('moved');
  await ask(ada, to);
  const late = await server.linkToken(to, '/confirm-email');
  const link = await server.linkToken(ada.email, '/undo-email');
  clock.advance(DAY + 1);
  assert.equal((await confirm(late)).status, 400);
  clock.advance(6 * DAY);
  assert.equal((await undo(link)).status, 400);
  assert.equal(await emailOf(ada.id), ada.email);
});

test('EML-05 of two who confirm the same new address at once one wins, every time', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  for (let round = 0; round < 5; round++) {
    const to = someEmail('wanted');
    await ask(ada, to, (await login(await emailOf(ada.id), PASSWORD)).body.access_token);
    const first = await server.linkToken(to, '/confirm-email');
    await ask(bob, to, (await login(await emailOf(bob.id), PASSWORD)).body.access_token);
    const second = await server.linkToken(to, '/confirm-email');
    assert.notEqual(first, second);
    const answers = await times(8, (n) => confirm(n % 2 === 0 ? first : second));
    assert.deepEqual(tally(answers), { 200: 1, 400: 7 });
    assert.equal(await count(server, 'auth.users WHERE email = $1', to), 1);
    clock.advance(3601);
  }
});

test('EML-07 a session kept alive by whoever registered first ends when the owner resets the password', async () => {
  const optional = await startServer({ env: { EMAIL_VERIFICATION: 'optional' } });
  const email = someEmail('victim');
  const early = await optional.post('/auth/register', { email, password: 'Attackers-own-99' });
  assert.equal(early.status, 201);
  const bearer = early.body.access_token;
  await optional.post('/me/email', { email: someEmail('evil') }, { bearer });
  await optional.post('/auth/password/forgot', { email });
  const token = await optional.linkToken(email, '/reset-password');
  assert.equal((await optional.post('/auth/password/reset', { token, password: NEW })).status, 204);
  assert.equal((await optional.get('/me', { bearer })).status, 401);
  assert.equal((await optional.post('/auth/refresh', { refresh_token: early.body.refresh_token })).status, 401);
  assert.equal((await optional.post('/auth/login', { email, password: 'Attackers-own-99' })).status, 401);
  const mine = await optional.post('/auth/login', { email, password: NEW, device_token: early.body.device_token });
  assert.equal(mine.status, 200);
  assert.equal(mine.body.user.email_verified, true);
  assert.notEqual(mine.body.device_token, early.body.device_token, 'the early device is a stranger now');
});

test('EML-08 I-036 registering an unverified address again keeps neither password, and its owner chooses one', async () => {
  const email = someEmail('victim');
  await server.post('/auth/register', { email, password: 'Attackers-own-99', name: 'Mallory' });
  const early = await server.linkToken(email, '/verify-email');
  await server.post('/auth/register', { email, password: 'Owners-choice-55' });
  assert.equal((await server.post('/auth/verify-email', { token: early })).status, 400, 'the earlier link has ended');
  await server.post('/auth/verify-email/resend', { email });
  const mails = await server.mails(email);
  assert.deepEqual(mails.map((mail) => mail.subject).reverse(), [
    'Confirm your email address',
    'Choose a password for your account',
    'Choose a password for your account',
  ]);
  const token = await server.linkToken(email, '/reset-password');
  assert.equal((await server.post('/auth/password/reset', { token, password: NEW })).status, 204);
  for (const password of ['Attackers-own-99', 'Owners-choice-55'])
    assert.equal((await login(email, password)).status, 401);
  const mine = await login(email, NEW);
  assert.equal(mine.body.user.email_verified, true);
});

test('EML-09 a pending change of address does not survive a reset, nor a change of password', async () => {
  const ada = await server.user();
  const evil = someEmail('evil');
  await ask(ada, evil);
  const pending = await server.linkToken(evil, '/confirm-email');
  await server.post('/auth/password/forgot', { email: ada.email });
  const token = await server.linkToken(ada.email, '/reset-password');
  assert.equal((await server.post('/auth/password/reset', { token, password: NEW })).status, 204);
  assert.equal((await confirm(pending)).status, 400);

  const bob = await server.user();
  await ask(bob, someEmail('evil'));
  const body = { current_password: PASSWORD, new_password: NEW };
  assert.equal((await server.post('/me/password', body, { bearer: bob.accessToken })).status, 204);
  assert.equal(
    await count(
      server,
      "auth.one_time_tokens WHERE user_id = $1 AND purpose = 'confirm-email' AND used_at IS NULL",
      bob.id,
    ),
    0,
  );
});

test('EML-09 no change of address that is asked for beside a reset survives it', async () => {
  for (let round = 0; round < 6; round++) {
    const ada = await server.user();
    await server.post('/auth/password/forgot', { email: ada.email });
    const token = await server.linkToken(ada.email, '/reset-password');
    const asking = times(12, () => server.post('/me/email', { email: someEmail('evil') }, { bearer: ada.accessToken }));
    const [reset] = await Promise.all([server.post('/auth/password/reset', { token, password: NEW }), asking]);
    assert.equal(reset.status, 204);
    const alive = "auth.one_time_tokens WHERE user_id = $1 AND purpose = 'confirm-email' AND used_at IS NULL";
    assert.equal(await count(server, alive, ada.id), 0, `round ${round}`);
  }
});

test('EML-04 without its notice there is no change: five requests an hour, and then 429', async () => {
  const ada = await server.user();
  for (let n = 0; n < 5; n++) await ask(ada, someEmail('next'));
  const answer = await server.post('/me/email', { email: someEmail('next') }, { bearer: ada.accessToken });
  assert.deepEqual([answer.status, answer.body.policy], [429, 'email_change']);
  const notices = (await subjects(server, ada.email)).filter(
    (subject) => subject === 'Your email address is about to change',
  );
  assert.equal(notices.length, 5);
});
