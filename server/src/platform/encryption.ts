import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { sha256, subkey } from '../lib/bytes.ts';

/**
 * Encryption at rest: AES-256-GCM with a subkey per purpose, so that what was sealed for one purpose never opens as
 * another (I-010). `keys` is ENCRYPTION_KEY's list: the first seals, all open, so that it can be rotated.
 */
export interface Encryption {
  seal(purpose: string, plaintext: string): string;
  /** Throws where no key opens it: altered, another purpose, or a lost key. */
  open(purpose: string, sealed: string): string;
  /** A 32-byte key for `purpose` from each of the keys, the first one first; for MACs and derived signing keys. */
  derive(purpose: string): Buffer[];
}

const VERSION = 1;

export function createEncryption(keys: readonly Buffer[]): Encryption {
  const ids = keys.map((key) => sha256(subkey(key, 'key-id')).subarray(0, 4));
  const derived = new Map<string, Buffer[]>();
  const derive = (purpose: string): Buffer[] => {
    let subkeys = derived.get(purpose);
    if (!subkeys) {
      subkeys = keys.map((key) => subkey(key, purpose));
      derived.set(purpose, subkeys);
    }
    return subkeys;
  };
  // Made once: from bytes, Node makes a key object in each call, at several times the cost of a short text's encryption.
  const sealing = new Map<string, KeyObject[]>();
  const sealingKeys = (purpose: string): KeyObject[] => {
    let made = sealing.get(purpose);
    if (made === undefined) {
      made = derive(`seal:${purpose}`).map((key) => createSecretKey(key));
      sealing.set(purpose, made);
    }
    return made;
  };
  return {
    derive,
    seal(purpose, plaintext) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', sealingKeys(purpose)[0] as KeyObject, iv);
      const body = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), ids[0] as Buffer, iv, cipher.getAuthTag(), body]).toString(
        'base64url',
      );
    },
    open(purpose, sealed) {
      const bytes = Buffer.from(sealed, 'base64url');
      const index = ids.findIndex((id) => bytes[0] === VERSION && id.equals(bytes.subarray(1, 5)));
      if (index < 0) throw new Error(`sealed ${purpose}: no key in ENCRYPTION_KEY opens it`);
      const decipher = createDecipheriv('aes-256-gcm', sealingKeys(purpose)[index] as KeyObject, bytes.subarray(5, 17));
      decipher.setAuthTag(bytes.subarray(17, 33));
      return Buffer.concat([decipher.update(bytes.subarray(33)), decipher.final()]).toString('utf8');
    },
  };
}
