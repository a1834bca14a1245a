// engines: embedded
// Values are made without the database; one is started for the routes that give them out.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { newCookieSecret } from '../../../src/core/sessions/cookie-value.ts';
import { newNonce, readRefreshToken } from '../../../src/core/sessions/refresh-token.ts';
import { uuidv7 } from '../../../src/lib/id.ts';
import { randomToken } from '../../../src/lib/random.ts';
import { startServer } from '../../kit.ts';

const COUNT = 20_000;

const makers: Record<string, () => Buffer> = {
  'the secret of a cookie': newCookieSecret,
  'the nonce of a refresh token': newNonce,
  'a one-time token': () => Buffer.from(randomToken('xx').slice(3), 'base64url'),
};

for (const [what, make] of Object.entries(makers)) {
  test(`${what} never repeats, is not to be compressed, and has every bit as often set as not (RND-01, I-071)`, () => {
    const values = Array.from({ length: COUNT }, make);
    assert.equal(new Set(values.map((value) => value.toString('latin1'))).size, COUNT);
    const sample = Buffer.concat(values);
    assert.ok(deflateRawSync(sample).length >= sample.length, 'it is not to be compressed');
    const bits = (values[0] as Buffer).length * 8;
    assert.ok(bits >= 128, `${bits} bits`);
    for (let bit = 0; bit < bits; bit++) {
      const ones = values.reduce((sum, value) => sum + (((value[bit >> 3] as number) >> (bit & 7)) & 1), 0);
      // Six standard deviations of a fair coin.
      assert.ok(Math.abs(ones - COUNT / 2) < 6 * Math.sqrt(COUNT / 4), `bit ${bit}: ${ones}`);
    }
  });
}

test('ids of one moment are different and in order (RND-01)', () => {
  const ids = Array.from({ length: 2_000 }, () => uuidv7(1_795_000_000_000));
  assert.deepEqual([...new Set(ids)].sort(), ids);
});

test('no two sign-ins share anything secret (RND-01)', async () => {
  const server = await startServer();
  const user = await server.user();
  const { email, password } = user;
  const values = [user.refreshToken, user.accessToken, user.deviceToken];
  const nonces = new Set<string>();
  for (let count = 0; count < 4; count++) {
    const { body } = await server.post('/auth/login', { email, password });
    values.push(body.refresh_token, body.access_token, body.device_token);
    nonces.add(readRefreshToken(body.refresh_token, server.config.JWT_REFRESH_SECRET)?.nonce.toString('hex') ?? '');
  }
  assert.equal(new Set(values).size, values.length);
  assert.equal(nonces.size, 4);
});

test('nothing in the source takes chance from Math.random or time from Date.now (RND-01, I-071)', () => {
  const root = join(import.meta.dirname, '../../../src');
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('test-kit.ts'),
  );
  assert.ok(files.length > 100);
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    assert.doesNotMatch(text, /\bMath\.random\b|\bpseudoRandomBytes\b/, file);
    if (!file.endsWith('clock.ts')) assert.doesNotMatch(text, /\bDate\.now\b|new Date\(\)/, file);
  }
});
