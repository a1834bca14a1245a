// engines: postgres
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../kit.ts';
import { startHttpStandIn } from './tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer({ env: { PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '10', PASSWORD_MIN_LENGTH: '20' } });
});

const storedHash = async (email: string): Promise<string> =>
  (
    await server.db.query<{ password_hash: string }>('SELECT password_hash FROM auth.users WHERE email = $1', [email])
  )[0]?.password_hash ?? '';

test('new passwords are hashed by PASSWORD_HASH at the cost of BCRYPT_SALT_ROUNDS, and again where these change', async () => {
  const { email } = await server.user();
  assert.match(await storedHash(email), /\$2[aby]\$10\$/);
  const changes: [Record<string, string>, RegExp][] = [
    [{ PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '11' }, /\$2[aby]\$11\$/],
    [{ PASSWORD_HASH: 'argon2id' }, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/],
  ];
  for (const [env, form] of changes) {
    const changed = await startServer({ on: server, env });
    assert.equal((await changed.post('/auth/login', { email, password: PASSWORD })).status, 200);
    assert.match(await storedHash(email), form);
    await changed.close();
  }
});

test('a password shorter than PASSWORD_MIN_LENGTH is refused', async () => {
  const answer = await server.post('/auth/register', { email: someEmail(), password: 'quokka-lantern-4271' });
  assert.equal(answer.status, 400);
  assert.equal(answer.body.errors[0].code, 'too_short');
  assert.equal(
    (await server.post('/auth/register', { email: someEmail(), password: 'quokka-lantern-42719' })).status,
    202,
  );
});

test('with EMAIL_VERIFICATION=optional one is signed in at once, else only after following the link', async () => {
  const email = someEmail();
  assert.deepEqual((await server.post('/auth/register', { email, password: PASSWORD })).body, {
    status: 'verification_sent',
  });
  const refused = await server.post('/auth/login', { email, password: PASSWORD });
  assert.equal(refused.status, 403, refused.text);
  const open = await startServer({ on: server, env: { EMAIL_VERIFICATION: 'optional' } });
  const answer = await open.post('/auth/register', { email: someEmail(), password: PASSWORD });
  assert.equal(answer.status, 201);
  assert.equal((await open.get('/me', { bearer: answer.body.access_token })).status, 200);
  await open.close();
});

test('PASSWORD_BREACH_CHECK asks for five digits of the hash and refuses what is known', async () => {
  const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex').toUpperCase();
  const known = 'a-password-that-leaked-once';
  const list = await startHttpStandIn(({ url }) => ({
    body: sha1(known).startsWith(url.slice(-5)) ? `${sha1(known).slice(5)}:3\r\n` : '',
  }));
  // Its address is no setting: the road to it is turned aside here.
  const real = globalThis.fetch;
  globalThis.fetch = (url, options) => real(String(url).replace('https://api.pwnedpasswords.com', list.url), options);
  try {
    const asking = await startServer({ on: server, env: { PASSWORD_BREACH_CHECK: 'true' } });
    const register = (password: string) => asking.post('/auth/register', { email: someEmail(), password });
    const refused = await register(known);
    assert.deepEqual([refused.status, refused.body.errors?.[0].code], [400, 'breached']);
    assert.deepEqual(
      list.calls.map((call) => call.url),
      [`/range/${sha1(known).slice(0, 5)}`],
    );
    assert.equal((await register('a-password-that-never-leaked')).status, 202);
    assert.equal(list.calls.length, 2);
    await asking.close();
    assert.equal((await server.post('/auth/register', { email: someEmail(), password: known })).status, 202);
    assert.equal(list.calls.length, 2, 'not asked without the setting');
  } finally {
    globalThis.fetch = real;
  }
});

test('no more than HASH_CONCURRENCY passwords are hashed at once and HASH_QUEUE wait; the others are told to come back', async () => {
  const env = { HASH_CONCURRENCY: '2', HASH_QUEUE: '3', PASSWORD_HASH: 'argon2id' };
  const narrow = await startServer({ on: server, env });
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, narrow.app.house.passwords.stats().running);
  }, 1);
  const guess = () => narrow.post('/auth/login', { email: someEmail(), password: 'a wrong one' });
  const answers = await Promise.all(Array.from({ length: 24 }, guess));
  clearInterval(watch);
  assert.equal(most, 2);
  const busy = answers.filter((one) => one.status === 503);
  assert.ok(busy.length > 0 && busy.length < 24, `${busy.length} of 24 refused`);
  assert.ok(busy.every((one) => Number(one.headers.get('retry-after')) >= 1));
  assert.ok(answers.every((one) => one.status === 503 || one.status === 401));
  assert.equal(narrow.app.house.passwords.stats().rejected, busy.length);
  await narrow.close();
});

test('audit lines older than AUDIT_RETENTION_DAYS go with the month that holds them', async () => {
  const short = await startServer({ env: { AUDIT_RETENTION_DAYS: '30' } });
  const registered = async (email: string): Promise<number> => {
    await short.app.settle();
    const text =
      "SELECT 1 FROM audit.events WHERE action = 'user.registered' AND subject_id = (SELECT id FROM auth.users WHERE email = $1)";
    return (await short.db.query(text, [email])).length;
  };
  const ada = await short.user();
  const { housekeeping } = await import('../../src/core/housekeeping/index.ts');
  await housekeeping(short.app.house).run();
  assert.equal(await registered(ada.email), 1);
  short.clock.advance(70 * 24 * 3600);
  const bob = await short.user(); // the end of the chain always stays
  assert.equal(await registered(ada.email), 1);
  await housekeeping(short.app.house).run();
  assert.deepEqual([await registered(ada.email), await registered(bob.email)], [0, 1]);
});
