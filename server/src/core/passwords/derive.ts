import { createCipheriv, pbkdf2, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { FirebaseHash, Pbkdf2Hash, ScryptHash } from './stored.ts';

const derivePbkdf2 = promisify(pbkdf2);

export function deriveByPbkdf2(password: string, { digest, iterations, salt, hash }: Pbkdf2Hash): Promise<Buffer> {
  return derivePbkdf2(password, salt, iterations, hash.length, digest);
}

export function deriveByScrypt(password: string, { salt, logN, blockSize, lanes, hash }: ScryptHash): Promise<Buffer> {
  return runScrypt(password, salt, hash.length, { logN, blockSize, lanes });
}

/** scrypt over salt and separator gives an AES-256 key; in counter mode from zero it encrypts the signer key. */
export async function deriveByFirebase(password: string, stored: FirebaseHash): Promise<Buffer> {
  const { logN, blockSize, separator, signerKey, salt } = stored;
  const key = await runScrypt(password, Buffer.concat([salt, separator]), 32, { logN, blockSize, lanes: 1 });
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(signerKey), cipher.final()]);
}

interface ScryptCost {
  logN: number;
  blockSize: number;
  lanes: number;
}

function runScrypt(password: string, salt: Buffer, length: number, cost: ScryptCost): Promise<Buffer> {
  const { logN, blockSize: r, lanes: p } = cost;
  // Above the ceiling of stored.ts; node:crypto's own limit of 32 MiB would refuse common parameters.
  const options = { N: 2 ** logN, r, p, maxmem: 256 * 2 ** 20 };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
}
