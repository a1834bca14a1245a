import { hashRaw } from '@node-rs/argon2';

/** The one password of all accounts of the bench, and the server's parameters for it. */
export const PASSWORD = 'Quokka-lantern-42-violet';

/** OWASP's 19 MiB, two passes, one lane. */
export const ARGON2 = { memory: 19_456, passes: 2, lanes: 1, length: 32 } as const;

export const STORED_AS = `$argon2id$v=19$m=${ARGON2.memory},t=${ARGON2.passes},p=${ARGON2.lanes}$`;

const { memory, passes, lanes, length } = ARGON2;
const parameters = { algorithm: 2, version: 1, memoryCost: memory, timeCost: passes, parallelism: lanes };
const SALT = Buffer.from('the salt of all.');

/** The server's binding with the server's parameters, and nothing around it. */
export function hashOnce(salt: Uint8Array = SALT): Promise<Buffer> {
  return hashRaw(PASSWORD, { ...parameters, outputLen: length, salt });
}
