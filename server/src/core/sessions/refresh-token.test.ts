import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { uuidv7 } from '../../lib/id.ts';
import { readCookieValue, writeCookieValue } from './cookie-value.ts';
import { newNonce, readRefreshToken, writeRefreshToken } from './refresh-token.ts';

const secret = randomBytes(48).toString('base64url');
const token = { sessionId: uuidv7(Date.UTC(2026, 10, 23)), generation: 4_000_000_000, nonce: newNonce() };

test('a refresh token reads as it was written', () => {
  assert.deepEqual(readRefreshToken(writeRefreshToken(token, [secret]), [secret]), token);
});

test('no single bit of a refresh token can be changed', () => {
  const bytes = Buffer.from(writeRefreshToken(token, [secret]).slice(3), 'base64url');
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = Buffer.from(bytes);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(readRefreshToken(`rt_${copy.toString('base64url')}`, [secret]), null);
  }
});

test('a refresh token of another secret, prefix, length or spelling is none', () => {
  const text = writeRefreshToken(token, [secret]);
  for (const other of [
    '',
    'rt_',
    text.slice(3),
    `dt_${text.slice(3)}`,
    `${text}A`,
    `${text}=`,
    text.slice(0, -1),
    ` ${text}`,
    `${text}\n`,
  ]) {
    assert.equal(readRefreshToken(other, [secret]), null, JSON.stringify(other));
  }
  assert.equal(readRefreshToken(text, ['other']), null);
  assert.equal(readRefreshToken(text, []), null);
  assert.equal(readRefreshToken(`rt_${'A'.repeat(1_000_000)}`, [secret]), null);
});

test('the same token can be made again from its parts, which is what the grace gives', () => {
  assert.equal(writeRefreshToken(token, [secret]), writeRefreshToken({ ...token }, [secret, 'older']));
});

test('a cookie value reads as it was written, and nothing shorter, longer or differently spelled does', () => {
  const value = { sessionId: token.sessionId, secret: randomBytes(32) };
  const text = writeCookieValue(value, [secret]);
  assert.deepEqual(readCookieValue(text, [secret]), value);
  assert.deepEqual(readCookieValue(text, ['younger', secret]), value);
  for (const other of ['', `${text}A`, `${text}=`, text.slice(0, -1), `${text} `, 'A'.repeat(200)]) {
    assert.equal(readCookieValue(other, [secret]), null);
  }
  for (let at = 0; at < 64; at++) {
    const bytes = Buffer.from(text, 'base64url');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    assert.equal(readCookieValue(bytes.toString('base64url'), [secret]), null, `byte ${at}`);
  }
  assert.equal(readCookieValue(text, ['another']), null);
});
