import { randomBytes } from 'node:crypto';
import { sha256 } from '../../lib/bytes.ts';
import { plainCode } from './code.ts';

const COUNT = 10;
/** Crockford's base32: no I, L, O, U, and what people read for them is forgiven. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 24; // 120 bits: beyond guessing even for who has the hashes (NIST 800-63B-4, section 3.1.2.2)

/** Ten codes of 120 random bits, in groups of four. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: COUNT }, () => {
    const letters = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte & 31]).join('');
    return (letters.match(/.{4}/g) as string[]).join('-');
  });
}

/** Without a key, so that the codes outlive every rotation of keys. */
export function recoveryCodeHash(userId: string, code: string): Buffer {
  const typed = plainCode(code).toLowerCase().replaceAll('o', '0').replace(/[il]/g, '1');
  return sha256(`recovery-code:${userId}:${typed}`);
}
