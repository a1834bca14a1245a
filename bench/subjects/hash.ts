/**
 * Password hashes alone: closed loops over the binding, with as many at once as the server's pool allows. The bench says
 * `{ kind, seconds }` and gets `{ requests, seconds, p50, p99 }`; nothing else runs here.
 */
import { argon2, randomBytes } from 'node:crypto';
import { createPasswords } from '../../server/src/core/passwords/index.ts';
import { createPool } from '../../server/src/core/passwords/pool.ts';
import { ARGON2, hashOnce, PASSWORD } from '../password.ts';

type Kind = 'binding' | 'node' | 'server-hash' | 'server-verify';

const LOOPS = 16;
const concurrency = Number(process.env.HASH_AT_ONCE);
const salt = randomBytes(16);
const { memory, passes, lanes, length } = ARGON2;

const pool = createPool({ concurrency });
const passwords = createPasswords({
  config: {
    PASSWORD_HASH: 'argon2id',
    BCRYPT_SALT_ROUNDS: 12,
    PASSWORD_MIN_LENGTH: 8,
    PASSWORD_BREACH_CHECK: false,
    HASH_CONCURRENCY: concurrency,
  },
});
const stored = await passwords.hash(PASSWORD);

const byNode = { message: PASSWORD, nonce: salt, memory, passes, parallelism: lanes, tagLength: length };

const works: Record<Kind, () => Promise<unknown>> = {
  binding: () => pool.run(() => hashOnce()),
  node: () =>
    pool.run(
      () =>
        new Promise((resolve, reject) =>
          argon2('argon2id', byNode, (error, bytes) => (error ? reject(error) : resolve(bytes))),
        ),
    ),
  'server-hash': () => passwords.hash(PASSWORD),
  'server-verify': async () => {
    const { ok } = await passwords.verify(PASSWORD, stored);
    if (!ok) throw new Error('the right password was not recognised');
  },
};

async function run(kind: Kind, seconds: number) {
  const times: number[] = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  const loop = async (): Promise<void> => {
    for (let from = performance.now(); from < end; from = performance.now()) {
      await works[kind]();
      times.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  const took = (performance.now() - started) / 1000;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { requests: times.length, seconds: took, p50: at(0.5), p99: at(0.99) };
}

process.on('message', ({ kind, seconds }: { kind: Kind; seconds: number }) => {
  void run(kind, seconds).then((result) => process.send?.(result));
});
process.send?.({ url: 'http://127.0.0.1' });
