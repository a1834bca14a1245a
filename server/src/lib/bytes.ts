import { createHmac, createSecretKey, hash, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';

export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer');
}

/** `key` is one of the few that a process has, `parts` are read as one text. */
export function hmac(key: string | Uint8Array, ...parts: readonly (string | Uint8Array)[]): Buffer {
  const code = createHmac('sha256', keyObjectOf(key));
  for (const part of parts) code.update(part);
  return code.digest();
}

const ofBytes = new WeakMap<Uint8Array, KeyObject>();
const ofTexts = new Map<string, KeyObject>();

/** Made once for each key: given a key as bytes, Node 24 makes one in each call, which costs four times the code itself. */
function keyObjectOf(key: string | Uint8Array): KeyObject {
  const made = typeof key === 'string' ? ofTexts.get(key) : ofBytes.get(key);
  if (made !== undefined) return made;
  const fresh = createSecretKey(Buffer.from(key));
  if (typeof key === 'string') ofTexts.set(key, fresh);
  else ofBytes.set(key, fresh);
  return fresh;
}

/** A 32-byte subkey of `key` for one purpose (RFC 5869, SHA-256). */
export function subkey(key: string | Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', purpose, 32));
}

/** Compares in constant time; different lengths are simply unequal. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}

/** Decodes unpadded base64url strictly: any other character, padding or a non-canonical ending gives null. */
export function fromBase64url(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}
