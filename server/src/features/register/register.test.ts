import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { count, linesOf, subjects, tally, times, userIdOf } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../../test/kit.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock, env: { TRUSTED_PROXIES: '127.0.0.0/8' } });
});

const register = (body: object, headers: Record<string, string> = {}) =>
  server.post('/auth/register', body, { headers });

test('a registration is answered 202, makes one unverified account, one audit line and one mail', async () => {
  const email = someEmail();
  const answer = await register({ email, password: PASSWORD, name: '  Ada  Lovelace ' });
  assert.equal(answer.status, 202);
  assert.deepEqual(answer.body, { status: 'verification_sent' });
  assert.equal(answer.headers.get('set-cookie'), null);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  const id = await userIdOf(server, email);
  const [row] = await server.db.query<Record<string, unknown>>('SELECT * FROM auth.users WHERE id = $1', [id]);
  assert.equal(row?.name, 'Ada  Lovelace');
  assert.equal(row?.email_verified_at, null);
  assert.match(row?.password_hash as string, /^\$argon2id\$/);
  assert.deepEqual(await linesOf(server, id), ['user.registered success']);
  assert.deepEqual(await subjects(server, email), ['Confirm your email address']);
  assert.equal(await count(server, 'auth.sessions WHERE user_id = $1', id), 0);
});

test('registering an unverified address again stores nothing of it, ends the link and mails one that takes a password', async () => {
  const email = someEmail();
  await register({ email, password: PASSWORD, name: 'First' });
  const id = await userIdOf(server, email);
  const stored = () => server.db.query('SELECT name, password_hash, version FROM auth.users WHERE id = $1', [id]);
  const first = await stored();
  const early = await server.linkToken(email, '/verify-email');
  assert.equal((await register({ email, password: 'Another-one-entirely-7', name: 'Second' })).status, 202);
  assert.deepEqual(await stored(), first);
  assert.equal((await server.post('/auth/verify-email', { token: early })).body.code, 'token_invalid');
  assert.deepEqual(await subjects(server, email), ['Confirm your email address', 'Choose a password for your account']);
  assert.deepEqual(await linesOf(server, id), ['user.registered success', 'user.register_duplicate denied']);
  const token = await server.linkToken(email, '/reset-password');
  assert.equal((await server.post('/auth/password/reset', { token, password: 'Third-and-mine-33' })).status, 204);
  const login = await server.post('/auth/login', { email, password: 'Third-and-mine-33' });
  assert.equal(login.status, 200);
  assert.equal(login.body.user.email_verified, true);
});

test('what is wrong with a body is listed field by field, and nothing of it is repeated', async () => {
  const secret = 'do-not-repeat-me-5';
  const answer = await register({ email: 'x', name: '', password: 7, session: 'neither', admin: secret });
  assert.equal(answer.status, 400);
  assert.equal(answer.body.code, 'validation_failed');
  const fields = answer.body.errors.map((error: { field: string }) => error.field).sort();
  assert.deepEqual([...new Set(fields)], ['admin', 'email', 'name', 'password', 'session']);
  assert.ok(!answer.text.includes(secret));
  assert.equal((await register({})).body.errors.length, 2);
});

test('I-043 roles, status and verification cannot be given with a registration', async () => {
  for (const extra of [
    { email_verified: true },
    { roles: ['admin'] },
    { status: 'active' },
    { id: 'x' },
    { email_verified_at: 'now' },
  ]) {
    const answer = await register({ email: someEmail(), password: PASSWORD, ...extra });
    assert.equal(answer.body.code, 'validation_failed');
  }
});

const keyed = (key: string, body: object, address = '198.18.7.1') =>
  register(body, { 'idempotency-key': key, 'x-forwarded-for': address });

test('the same key and body give the same answer once; a password is no part of the fingerprint', async () => {
  const email = someEmail();
  const first = await keyed('one-key', { email, password: PASSWORD });
  const again = await keyed('one-key', { password: 'Some-other-password-1', email });
  assert.deepEqual([again.status, again.body], [first.status, first.body]);
  assert.deepEqual(await linesOf(server, await userIdOf(server, email)), ['user.registered success']);
  assert.equal((await server.mails(email)).length, 1);
});

test('the same key with another body is 422, and from another caller it is another key', async () => {
  const [ada, bob] = [someEmail(), someEmail()];
  await keyed('two-key', { email: ada, password: PASSWORD });
  const other = await keyed('two-key', { email: bob, password: PASSWORD });
  assert.deepEqual([other.status, other.body.code], [422, 'idempotency_key_reused']);
  assert.equal(await count(server, 'auth.users WHERE email = $1', bob), 0);
  assert.equal((await keyed('two-key', { email: bob, password: PASSWORD }, '198.18.7.2')).status, 202);
  assert.equal(await count(server, 'auth.users WHERE email = $1', bob), 1);
});

test('twenty requests at once with one key are one registration', async () => {
  const email = someEmail();
  const answers = await times(20, () => keyed('parallel-key', { email, password: PASSWORD }));
  const statuses = tally(answers);
  assert.equal((statuses[202] ?? 0) + (statuses[409] ?? 0), 20, JSON.stringify(statuses));
  assert.ok((statuses[202] ?? 0) >= 1);
  assert.deepEqual(await linesOf(server, await userIdOf(server, email)), ['user.registered success']);
  for (const early of answers.filter((answer) => answer.status === 409))
    assert.equal(early.headers.get('retry-after'), '1');
});

test('a refusal is not kept: the corrected request may use the key again', async () => {
  const email = someEmail();
  assert.equal((await keyed('retry-key', { email, password: 'short' })).status, 400);
  assert.equal((await keyed('retry-key', { email, password: PASSWORD })).status, 202);
});

test('a key is forgotten after a day, and what is no key is refused', async () => {
  const [ada, bob] = [someEmail(), someEmail()];
  await keyed('day-key', { email: ada, password: PASSWORD });
  clock.advance(24 * 3600 - 5);
  assert.equal((await keyed('day-key', { email: bob, password: PASSWORD })).status, 422);
  clock.advance(10);
  assert.equal((await keyed('day-key', { email: bob, password: PASSWORD })).status, 202);
  for (const bad of [' ', 'a b', 'x'.repeat(201), 'ü', '']) {
    const answer = await keyed(bad, { email: someEmail(), password: PASSWORD });
    assert.deepEqual([answer.status, answer.body.code], [400, 'malformed_request'], JSON.stringify(bad));
  }
});
