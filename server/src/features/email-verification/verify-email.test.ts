import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects, tally, times, userIdOf } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../../test/kit.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

async function pending(): Promise<string> {
  const email = someEmail('pending');
  await server.post('/auth/register', { email, password: PASSWORD });
  return email;
}

const verify = (token: string) => server.post('/auth/verify-email', { token });
const resend = (email: string) => server.post('/auth/verify-email/resend', { email });

test('the link verifies the address once, writes one line and sends nothing', async () => {
  const email = await pending();
  const token = await server.linkToken(email, '/verify-email');
  const answer = await verify(token);
  assert.deepEqual([answer.status, answer.body], [200, { status: 'verified' }]);
  assert.deepEqual(await linesOf(server, await userIdOf(server, email)), [
    'user.registered success',
    'user.email_verified success',
  ]);
  assert.equal((await server.mails(email)).length, 1);
  const again = await verify(token);
  assert.deepEqual([again.status, again.body.code], [400, 'token_invalid']);
  const login = await server.post('/auth/login', { email, password: PASSWORD });
  assert.equal(login.body.user.email_verified, true);
});

test('twenty uses at once are one verification', async () => {
  const email = await pending();
  const token = await server.linkToken(email, '/verify-email');
  assert.deepEqual(tally(await times(20, () => verify(token))), { 200: 1, 400: 19 });
  const lines = await linesOf(server, await userIdOf(server, email));
  assert.equal(lines.filter((line) => line === 'user.email_verified success').length, 1);
});

test('a new link replaces the earlier one', async () => {
  const email = await pending();
  const early = await server.linkToken(email, '/verify-email');
  const answer = await resend(email);
  assert.deepEqual([answer.status, answer.body], [202, { status: 'verification_sent' }]);
  assert.equal((await verify(early)).status, 400);
  assert.equal((await verify(await server.linkToken(email, '/verify-email'))).status, 200);
  assert.deepEqual(await subjects(server, email), ['Confirm your email address', 'Confirm your email address']);
});

test('a verified address is sent no further link', async () => {
  const { email, id } = await server.user();
  const before = (await server.mails(email)).length;
  assert.equal((await resend(email)).status, 202);
  assert.equal((await server.mails(email)).length, before);
  assert.equal((await linesOf(server, id)).at(-1), 'user.verification_sent denied');
});

test('I-029 the link ends after a day, with nothing that cleans up, and a new one can be had', async () => {
  const email = await pending();
  const token = await server.linkToken(email, '/verify-email');
  clock.advance(24 * 3600 + 1);
  assert.equal((await verify(token)).status, 400);
  assert.equal((await resend(email)).status, 202);
  assert.equal((await verify(await server.linkToken(email, '/verify-email'))).status, 200);
});

test('a disabled account is not verified, and its link is as good as none', async () => {
  const email = await pending();
  const token = await server.linkToken(email, '/verify-email');
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE email = $1", [email]);
  assert.equal((await verify(token)).body.code, 'token_invalid');
  const before = (await server.mails(email)).length;
  await resend(email);
  assert.equal((await server.mails(email)).length, before);
});

test('what is no token is refused by its form', async () => {
  for (const token of ['', 'x'.repeat(201), 7, null, ['a'], undefined]) {
    const answer = await server.post('/auth/verify-email', { token });
    assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], JSON.stringify(token));
  }
});
