import { argon2 as argon2OfNode } from 'node:crypto';
import type { Argon2Hash } from './stored.ts';

type Derive = (password: string, hash: Omit<Argon2Hash, 'hash'>, length: number) => Promise<Buffer>;

export interface Argon2 {
  engine: 'native' | 'node';
  derive: Derive;
}

type Native = typeof import('@node-rs/argon2');

/**
 * The prebuilt binary takes a third of the CPU of node:crypto for the same bytes. Where there is none for the platform,
 * node:crypto does it; the import is dynamic because its failure must not stop the start.
 */
export async function loadArgon2(load: () => Promise<Native> = () => import('@node-rs/argon2')): Promise<Argon2> {
  const native = await load().catch(() => null);
  return native === null ? { engine: 'node', derive: deriveByNode } : { engine: 'native', derive: deriveBy(native) };
}

const algorithms = { argon2d: 0, argon2i: 1, argon2id: 2 } as const;

function deriveBy(native: Native): Derive {
  return (password, { kind, version, memory, passes, lanes, salt }, length) =>
    native.hashRaw(password, {
      algorithm: algorithms[kind],
      version: version === 16 ? 0 : 1,
      memoryCost: memory,
      timeCost: passes,
      parallelism: lanes,
      outputLen: length,
      salt,
    });
}

const deriveByNode: Derive = (password, { kind, version, memory, passes, lanes, salt }, length) => {
  // Argon2 1.0 is from before 2016, and node:crypto has 1.3 only.
  if (version === 16)
    return Promise.reject(new Error('argon2 version 1.0 needs the native module, which did not load'));
  return new Promise((resolve, reject) => {
    const parameters = { message: password, nonce: salt, parallelism: lanes, tagLength: length, memory, passes };
    argon2OfNode(kind, parameters, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
};
