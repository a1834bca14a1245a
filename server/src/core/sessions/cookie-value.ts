import { randomBytes } from 'node:crypto';
import { equal, fromBase64url, hmac } from '../../lib/bytes.ts';
import { uuidOf } from './refresh-token.ts';

/**
 * The value of a session cookie: the session's id and 256 secret bits, of which the database has a keyed hash; and a MAC
 * under SESSION_SECRET over both, so that an invented value costs no query.
 */
const SECRET_BYTES = 32;
const BODY_BYTES = 16 + SECRET_BYTES;
const MAC_BYTES = 16;

export interface CookieValue {
  readonly sessionId: string;
  readonly secret: Buffer;
}

export function newCookieSecret(): Buffer {
  return randomBytes(SECRET_BYTES);
}

export function writeCookieValue(value: CookieValue, keys: readonly string[]): string {
  const body = Buffer.concat([Buffer.from(value.sessionId.replaceAll('-', ''), 'hex'), value.secret]);
  return Buffer.concat([body, mac(keys[0] as string, body)]).toString('base64url');
}

/** Null for anything that this server did not write. */
export function readCookieValue(text: string, keys: readonly string[]): CookieValue | null {
  if (text.length > 100) return null;
  const bytes = fromBase64url(text);
  if (bytes === null || bytes.length !== BODY_BYTES + MAC_BYTES) return null;
  const body = bytes.subarray(0, BODY_BYTES);
  const sent = bytes.subarray(BODY_BYTES);
  if (!keys.some((key) => equal(mac(key, body), sent))) return null;
  return { sessionId: uuidOf(body), secret: body.subarray(16) };
}

// The prefix keeps it apart from the stored hash, which is made with the same keys.
function mac(key: string, body: Buffer): Buffer {
  return hmac(key, 'session-cookie:', body).subarray(0, MAC_BYTES);
}

export function hashCookieSecret(secret: Buffer, keys: readonly string[]): Buffer {
  return hmac(keys[0] as string, secret);
}

export function isCookieSecret(secret: Buffer, hash: Uint8Array, keys: readonly string[]): boolean {
  return keys.some((key) => equal(hmac(key, secret), hash));
}

/** A cookie that this server wrote. */
export interface ReadCookie extends CookieValue {
  /** The stored hash that its secret was found to belong to. */
  belongsTo: string | null;
}

const READ_MAX = 10_000;

/** Reads cookies and remembers what came of it: a browser sends the same one with every request. */
export function createCookieReader(keys: readonly string[]): {
  read(text: string): ReadCookie | null;
  /** `hash`: base64, as the session has it now. */
  belongs(cookie: ReadCookie, hash: string): boolean;
} {
  const known = new Map<string, ReadCookie>();
  return {
    read(text) {
      const found = known.get(text);
      if (found !== undefined) return found;
      const value = readCookieValue(text, keys);
      if (value === null) return null;
      const cookie = { ...value, belongsTo: null };
      known.set(text, cookie);
      if (known.size > READ_MAX) known.delete(known.keys().next().value as string);
      return cookie;
    },
    belongs(cookie, hash) {
      if (cookie.belongsTo === hash) return true;
      if (!isCookieSecret(cookie.secret, Buffer.from(hash, 'base64'), keys)) return false;
      cookie.belongsTo = hash;
      return true;
    },
  };
}
