import { randomBytes } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { equal } from '../../lib/bytes.ts';
import { loadArgon2 } from './argon2.ts';
import { decoyOfBcrypt, hashByBcrypt, matchesBcrypt } from './bcrypt.ts';
import { deriveByFirebase, deriveByPbkdf2, deriveByScrypt } from './derive.ts';
import type { Argon2Hash, StoredHash } from './stored.ts';
import { parseHash } from './stored.ts';

/** OWASP's parameters for 19 MiB, which it holds equal to 46 MiB in one pass. */
const argon2id = { kind: 'argon2id', version: 19, memory: 19_456, passes: 2, lanes: 1 } as const;
const hashLength = 32;
const saltLength = 16;

type HashConfig = Pick<Config, 'PASSWORD_HASH' | 'BCRYPT_SALT_ROUNDS'>;

/** Hashes by the present setting, and compares with every form of stored.ts. It bounds nothing: the pool does. */
export function createHasher(config: HashConfig) {
  const argon2 = loadArgon2();

  async function hash(password: string): Promise<string> {
    const salt = randomBytes(saltLength);
    if (config.PASSWORD_HASH === 'bcrypt') return hashByBcrypt(password, config.BCRYPT_SALT_ROUNDS, salt);
    const { derive } = await argon2;
    return formatArgon2({ ...argon2id, salt, hash: await derive(password, { ...argon2id, salt }, hashLength) });
  }

  async function matches(password: string, stored: StoredHash): Promise<boolean> {
    switch (stored.kind) {
      case 'bcrypt':
      case 'bcrypt-sha384':
        return matchesBcrypt(password, stored);
      case 'scrypt':
        return equal(await deriveByScrypt(password, stored), stored.hash);
      case 'firebase-scrypt':
        return equal(await deriveByFirebase(password, stored), stored.hash);
      case 'pbkdf2':
        return equal(await deriveByPbkdf2(password, stored), stored.hash);
      default: {
        const { derive } = await argon2;
        return equal(await derive(password, stored, stored.hash.length), stored.hash);
      }
    }
  }

  return { hash, matches, isCurrent: (stored: StoredHash) => isCurrent(stored, config), decoy: createDecoy(config) };
}

function isCurrent(stored: StoredHash, config: HashConfig): boolean {
  if (config.PASSWORD_HASH === 'bcrypt')
    return stored.kind === 'bcrypt-sha384' && stored.cost === config.BCRYPT_SALT_ROUNDS;
  return (
    stored.kind === argon2id.kind &&
    stored.version === argon2id.version &&
    stored.memory === argon2id.memory &&
    stored.passes === argon2id.passes &&
    stored.lanes === argon2id.lanes &&
    stored.salt.length >= saltLength &&
    stored.hash.length === hashLength
  );
}

function createDecoy(config: HashConfig): StoredHash {
  if (config.PASSWORD_HASH === 'argon2id')
    return { ...argon2id, salt: randomBytes(saltLength), hash: randomBytes(hashLength) };
  const decoy = parseHash(decoyOfBcrypt(config.BCRYPT_SALT_ROUNDS, randomBytes(39)));
  if (typeof decoy === 'string') throw new Error(`BCRYPT_SALT_ROUNDS cannot be used: ${decoy}`);
  return decoy;
}

/** The PHC string format; its base64 has no padding. */
function formatArgon2({ kind, version, memory, passes, lanes, salt, hash }: Argon2Hash): string {
  const base64 = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  return `$${kind}$v=${version}$m=${memory},t=${passes},p=${lanes}$${base64(salt)}$${base64(hash)}`;
}
