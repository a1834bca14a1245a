// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { essence, linesOf, subjects } from './tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const WRONG = 'Not-the-password-at-all-9';
const login = (email: string, password: string, more: object = {}) =>
  server.post('/auth/login', { email, password, ...more });

async function unverified(): Promise<string> {
  const email = someEmail('unverified');
  await server.post('/auth/register', { email, password: PASSWORD });
  return email;
}

async function locked(): Promise<string> {
  const { email } = await server.user();
  for (let guess = 0; guess < 10; guess++) await login(email, WRONG);
  return email;
}

async function changed(column: string): Promise<string> {
  const { email } = await server.user();
  await server.db.execute(`UPDATE auth.users SET ${column} WHERE email = $1`, [email]);
  return email;
}

test('ENU-01 ENU-11 one answer, to the byte, for unknown, wrong, unverified, locked, disabled and passwordless', async () => {
  const reference = essence(await login(someEmail(), WRONG));
  assert.equal(reference.status, 401);
  const known = (await server.user()).email;
  const cases: [string, string, string][] = [
    ['wrong', known, WRONG],
    ['unverified', await unverified(), WRONG],
    ['locked', await locked(), WRONG],
    ['locked, right password', await locked(), PASSWORD],
    ['disabled', await changed("status = 'disabled'"), WRONG],
    ['disabled, right password', await changed("status = 'disabled'"), PASSWORD],
    ['passwordless', await changed('password_hash = NULL'), PASSWORD],
  ];
  for (const [what, email, password] of cases) {
    assert.deepEqual(essence(await login(email, password)), reference, what);
    assert.deepEqual(essence(await login(email, password, { session: 'cookie' })), reference, `${what}, by cookie`);
  }
  assert.ok(!reference.headers.some(([name]) => name === 'set-cookie' || name === 'etag'));
});

test('ENU-01 the audit line knows what the answer does not say', async () => {
  const disabled = await server.user();
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  await login(disabled.email, PASSWORD);
  assert.equal((await linesOf(server, disabled.id)).at(-1), 'session.login_failed failure disabled');
  const pending = await unverified();
  assert.equal((await login(pending, PASSWORD)).body.code, 'email_not_verified');
  const reasons = (await server.audit('session.login_failed')).map((line) => line.reason);
  assert.equal(reasons.at(-1), 'email_not_verified');
});

test('ENU-03 I-126 asking for a reset or a new link tells nothing of an address, the first time or the tenth', async () => {
  const pending = await unverified();
  const { email: known } = await server.user();
  const disabled = await changed("status = 'disabled'");
  for (const path of ['/auth/password/forgot', '/auth/verify-email/resend']) {
    const reference = essence(await server.post(path, { email: someEmail() }));
    assert.equal(reference.status, 202);
    for (const email of [known, pending, disabled, someEmail()]) {
      for (let time = 0; time < 10; time++) {
        assert.deepEqual(essence(await server.post(path, { email })), reference, `${path} ${email} ${time}`);
      }
    }
  }
  assert.equal((await subjects(server, disabled)).length, 1, 'only the mail of its registration');
});

test('ENU-06 a change to an existing address gets the same answer as one to a free address', async () => {
  const ada = await server.user();
  const bob = await server.user();
  const change = (email: string) => server.post('/me/email', { email }, { bearer: ada.accessToken });
  const free = someEmail();
  const reference = essence(await change(free));
  assert.equal(reference.status, 202);
  assert.deepEqual(essence(await change(bob.email)), reference);
  assert.deepEqual(await subjects(server, free), ['Confirm your new email address']);
  assert.equal((await subjects(server, bob.email)).at(-1), 'You already have an account');
});

test('ENU-08 the lock-out comes for unknown addresses as it does for known ones', async () => {
  const { email: known } = await server.user();
  const unknown = someEmail();
  for (let guess = 0; guess < 14; guess++) {
    assert.deepEqual(essence(await login(known, WRONG)), essence(await login(unknown, WRONG)), `guess ${guess + 1}`);
  }
  await server.app.settle();
  const lines = await server.db.query<{ action: string; email: string }>(
    `SELECT action, personal->>'email' AS email FROM audit.events WHERE personal->>'email' = ANY($1::text[])`,
    [[known, unknown]],
  );
  for (const email of [known, unknown]) {
    const own = lines.filter((line) => line.email === email).map((line) => line.action);
    assert.equal(own.filter((action) => action === 'session.login_failed').length, 14);
    assert.equal(own.filter((action) => action === 'user.locked_out').length, 1);
  }
});

test('ENU-10 a session or device that is another’s is answered like one that does not exist', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  for (const list of ['/me/sessions', '/me/trusted-devices']) {
    const [theirs] = (await server.get(list, { bearer: bob.accessToken })).body.data;
    const remove = (id: string) =>
      server.call('DELETE', `${server.config.API_PREFIX}${list}/${id}`, { bearer: ada.accessToken });
    const reference = essence(await remove('01890000-0000-7000-8000-000000000000'));
    assert.equal(reference.status, 404);
    assert.deepEqual(essence(await remove(theirs.id)), reference);
    assert.deepEqual(essence(await remove('not-an-id')), reference);
    assert.equal((await server.get(list, { bearer: bob.accessToken })).body.data.length, 1);
  }
});

test('ENU-12 a long password is answered alike for known and unknown addresses', async () => {
  const { email } = await server.user();
  for (const length of [73, 256, 257, 1024, 1025, 60_000]) {
    const password = 'x1-'.repeat(length).slice(0, length);
    const known = essence(await login(email, password));
    assert.deepEqual(known, essence(await login(someEmail(), password)), `${length} characters`);
    assert.equal(known.status, length > 1024 ? 400 : 401);
  }
});

test('I-126 a link that is not valid is one answer, whosever it was and whatever became of it', async () => {
  const email = await unverified();
  const token = await server.linkToken(email, '/verify-email');
  assert.equal((await server.post('/auth/verify-email', { token })).status, 200);
  const reference = essence(await server.post('/auth/verify-email', { token: `ve_${'A'.repeat(43)}` }));
  assert.equal(reference.status, 400);
  const old = await unverified();
  const replaced = await server.linkToken(old, '/verify-email');
  await server.post('/auth/verify-email/resend', { email: old });
  for (const bad of [token, replaced, 'x', token.slice(0, -1), token.toLowerCase(), ` ${token}`]) {
    assert.deepEqual(essence(await server.post('/auth/verify-email', { token: bad })), reference, bad);
  }
});
