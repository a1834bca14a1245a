import { randomBytes } from 'node:crypto';
import { equal, fromBase64url, hmac } from '../../lib/bytes.ts';
import { uuidOf } from './refresh-token.ts';

/** The value of a session cookie: the session's id and 256 secret bits, of which the database has a keyed hash. */
const SECRET_BYTES = 32;

export interface CookieValue {
  readonly sessionId: string;
  readonly secret: Buffer;
}

export function newCookieSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

export function writeCookieValue(value: CookieValue): string {
  return Buffer.concat([Buffer.from(value.sessionId.replaceAll('-', ''), 'hex'), value.secret]).toString('base64url');
}

export function readCookieValue(text: string): CookieValue | null {
  if (text.length > 100) return null;
  const bytes = fromBase64url(text);
  if (bytes === null || bytes.length !== 16 + SECRET_BYTES) return null;
  return { sessionId: uuidOf(bytes), secret: bytes.subarray(16) };
}

export function hashCookieSecret(secret: Buffer, keys: readonly string[]): Buffer {
  return hmac(keys[0] as string, secret);
}

export function isCookieSecret(secret: Buffer, hash: Uint8Array, keys: readonly string[]): boolean {
  return keys.some((key) => equal(hmac(key, secret), hash));
}
