// engines: postgres
import assert from 'node:assert/strict';
import { pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { before, test } from 'node:test';
import { PASSWORD, startServer, type TestServer } from '../../kit.ts';
import { linesOf, tally, times } from './tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const login = (email: string, password: string, on = server) => on.post('/auth/login', { email, password });
const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');

/** An account whose hash came from elsewhere. */
async function imported(hash: string): Promise<{ email: string; id: string }> {
  const user = await server.user();
  await server.db.execute('UPDATE auth.users SET password_hash = $2 WHERE id = $1', [user.id, hash]);
  return user;
}

async function storedOf(id: string): Promise<string> {
  const rows = await server.db.query<{ hash: string }>('SELECT password_hash AS hash FROM auth.users WHERE id = $1', [
    id,
  ]);
  return rows[0]?.hash as string;
}

function pbkdf2(password: string): string {
  const salt = randomBytes(16);
  return `$pbkdf2-sha256$i=20000$${base64(salt)}$${base64(pbkdf2Sync(password, salt, 20_000, 32, 'sha256'))}`;
}

function scrypt(password: string): string {
  const salt = randomBytes(16);
  return `$scrypt$ln=12,r=8,p=1$${base64(salt)}$${base64(scryptSync(password, salt, 32, { N: 4096, r: 8, p: 1 }))}`;
}

const BCRYPT = '$2b$10$gL/hQh8ZE/5qLLUvbvKqSOcBQr/7io4hgwe79JDtlll6Y/dcY/Gt.'; // of PASSWORD

test('PWD-12 a hash of another system works once, and is ours from the first sign-in on', async () => {
  for (const hash of [BCRYPT, BCRYPT.replace('$2b$', '$2y$'), pbkdf2(PASSWORD), scrypt(PASSWORD)]) {
    const { email, id } = await imported(hash);
    assert.equal((await login(email, 'Not-this-one-at-all')).status, 401);
    assert.equal(await storedOf(id), hash, 'a wrong password upgrades nothing');
    assert.equal((await login(email, PASSWORD)).status, 200, hash);
    const upgraded = await storedOf(id);
    assert.match(upgraded, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.equal((await login(email, PASSWORD)).status, 200);
    assert.equal(await storedOf(id), upgraded, 'and not hashed again');
    const lines = await linesOf(server, id);
    assert.equal(lines.filter((line) => line === 'user.password_rehashed success').length, 1);
  }
});

test('PWD-12 signing in five times at once during the upgrade lets all five in', async () => {
  const { email, id } = await imported(pbkdf2(PASSWORD));
  assert.deepEqual(tally(await times(5, () => login(email, PASSWORD))), { 200: 5 });
  const lines = await linesOf(server, id);
  assert.equal(lines.filter((line) => line === 'user.password_rehashed success').length, 1);
  assert.ok(!lines.some((line) => line.startsWith('session.login_failed')));
});

test('PWD-12 a reset that comes during the upgrade wins', async () => {
  for (let round = 0; round < 5; round++) {
    const { email, id } = await imported(pbkdf2(PASSWORD));
    await server.post('/auth/password/forgot', { email });
    const token = await server.linkToken(email, '/reset-password');
    const [reset, old] = await Promise.all([
      server.post('/auth/password/reset', { token, password: 'A-fresh-start-0815' }),
      login(email, PASSWORD),
    ]);
    assert.equal(reset.status, 204);
    assert.equal((await login(email, 'A-fresh-start-0815')).status, 200);
    assert.equal((await login(email, PASSWORD)).status, 401);
    if (old.status === 200) {
      const me = await server.get('/me', { bearer: old.body.access_token });
      assert.equal(me.status, 401, 'a session that began before the reset has ended with it');
    }
    assert.ok((await linesOf(server, id)).includes('user.password_reset success'));
  }
});

test('PWD-13 a crafted hash costs nothing and opens nothing', async () => {
  // biome-ignore format: a table
  const crafted = [
    `$argon2id$v=19$m=4194304,t=3,p=1$${base64(randomBytes(16))}$${base64(randomBytes(32))}`,
    `$argon2id$v=19$m=65536,t=1000000,p=1$${base64(randomBytes(16))}$${base64(randomBytes(32))}`,
    `$argon2id$v=19$m=8,t=1,p=1$$`,
    `$pbkdf2-sha256$i=2000000000$${base64(randomBytes(16))}$${base64(randomBytes(32))}`,
    `$scrypt$ln=30,r=8,p=1$${base64(randomBytes(16))}$${base64(randomBytes(32))}`,
    '$2b$31$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcdefg',
    '', '$', '$$$$$$$$$$', 'plaintext', PASSWORD, `${'$'.repeat(2000)}`, '*', '!', '$argon2id$',
  ];
  for (const hash of crafted) {
    const { email } = await imported(hash);
    const start = performance.now();
    const answer = await login(email, PASSWORD);
    assert.equal(answer.status, 401, hash.slice(0, 40));
    assert.equal((await login(email, hash.slice(0, 200) || ' ')).status, 401, 'the hash is no password either');
    assert.ok(performance.now() - start < 2000, hash.slice(0, 40));
  }
});

test('PWD-03 with bcrypt, two passwords that are equal in the first 72 bytes are different', async () => {
  const other = await startServer({ env: { PASSWORD_HASH: 'bcrypt', BCRYPT_SALT_ROUNDS: '10' } });
  const start = 'fjord glyph vext quiz waltz nymph jukebox and then seventy-two bytes are over '; // 78
  const ada = await other.user({ password: `${start}A-very-different-end` });
  assert.equal((await login(ada.email, `${start}Another-end-entirely`, other)).status, 401);
  assert.equal((await login(ada.email, start, other)).status, 401);
  assert.equal((await login(ada.email, start.slice(0, 72), other)).status, 401);
  assert.equal((await login(ada.email, `${start}A-very-different-end`, other)).status, 200);
  const emoji = '🦊🎷🐘🌋🪁🛶🧊🥁🪴🚲🧭🎻🪤🦑🍋🏺🧵🛎'; // 72 bytes
  const bob = await other.user({ password: `${emoji} glyph-vext` });
  assert.equal((await login(bob.email, `${emoji} fjord-quiz`, other)).status, 401);
});

test('PWD-03 argon2id and bcrypt follow the setting: a hash of the other kind is replaced at the next sign-in', async () => {
  const { email, id } = await imported(BCRYPT);
  await login(email, PASSWORD);
  assert.match(await storedOf(id), /^\$argon2id\$/);
  const long = await imported('$2b$10$3.UWkCP6hjFa3OClNfNiNu81iiOln2izfU34eYzx7V9r/obS716uW'); // of 80 times y, of which plain bcrypt saw 72
  assert.equal((await login(long.email, 'y'.repeat(80))).status, 200);
  assert.equal((await login(long.email, 'y'.repeat(81))).status, 401, 'after the upgrade every character counts');
});
