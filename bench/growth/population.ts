import { createHash, createPrivateKey, sign } from 'node:crypto';
import { writeRefreshToken } from '../../server/src/core/sessions/refresh-token.ts';
import { createEncryption } from '../../server/src/platform/encryption.ts';
import { query } from '../stores.ts';

/** What seed.sql has put into a database: everything in it has a name that is made of a number. */
export interface Population {
  readonly url: string;
  readonly users: number;
  readonly lines: number;
  /** Milliseconds. */
  readonly base: number;
}

const DAY = 24 * 3600_000;
/** From the first account and the first line to the last; the sessions begin after it. */
const SPAN = 300 * DAY;

export async function readPopulation(url: string): Promise<(Population & { isWhole: boolean; age: number }) | null> {
  const { rows: found } = await query(url, "SELECT to_regclass('bench.population') IS NOT NULL AS is_there");
  if (found[0]?.is_there !== true) return null;
  const { rows } = await query(
    url,
    'SELECT users::int, lines::int, base, is_whole, extract(epoch FROM now() - seeded_at)::float8 AS age FROM bench.population',
  );
  const { users, lines, base, is_whole, age } = rows[0];
  return { url, users, lines, base: base.getTime(), isWhole: is_whole, age };
}

export const sessionsOf = ({ users }: Population): number => 2 * users;
export const emailOf = (n: number): string => `u${String(n).padStart(7, '0')}@example.com`;

export function userId({ base, users }: Population, n: number): string {
  return idOf(base + n * Math.floor(SPAN / users), `user${n}`);
}

export function sessionId({ base, users }: Population, n: number): string {
  return idOf(base + SPAN + Math.floor((n * Math.floor((DAY * 500) / users)) / 1000), `session${n}`);
}

export const deviceToken = (n: number): string => `dt_${digest(`device${n}`).toString('hex')}`;

/** `secret` is the server's JWT_REFRESH_SECRET. */
export function refreshToken(population: Population, n: number, generation: number, secret: string): string {
  const nonce = digest(`nonce${n}`).subarray(0, 16);
  return writeRefreshToken({ sessionId: sessionId(population, n), generation, nonce }, [secret]);
}

/** When line `n` was written. */
export function timeOf({ base, lines }: Population, n: number): Date {
  return new Date(base + Math.floor((n * Math.floor((SPAN * 1000) / lines)) / 1000));
}

/**
 * Access tokens as the server itself would write them, for sessions that it has not met yet: with its own key, after the
 * sample of one that it has issued.
 */
export async function accessTokens(
  population: Population,
  encryptionKey: string,
  sample: string,
): Promise<(session: number) => string> {
  const [header = '', payload = ''] = sample.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString());
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const { rows } = await query(population.url, 'SELECT private_sealed FROM auth.signing_keys WHERE kid = $1', [kid]);
  const encryption = createEncryption([Buffer.from(encryptionKey, 'base64')]);
  const key = createPrivateKey(encryption.open('signing key', rows[0].private_sealed));
  let made = 0;
  return (session) => {
    made += 1;
    const own = {
      ...claims,
      jti: `bench-${made}`, // no two are alike: a token that was verified once is not verified again
      sub: userId(population, Math.floor(session / 2)),
      sid: sessionId(population, session),
      roles: [],
    };
    const input = `${header}.${Buffer.from(JSON.stringify(own)).toString('base64url')}`;
    return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
  };
}

/** The numbers below `size`, each once and then again, in an order that jumps about and is the same in every run. */
export function shuffled(size: number, seed: number): () => number {
  const step = STEPS.find((prime) => size % prime !== 0) as number;
  let at = seed % size;
  return () => {
    at = (at + step) % size;
    return at;
  };
}

// Primes near 0.618 of the sizes that there are, so that neighbours in time are far from each other in the tables.
const STEPS = [618_041, 617_999];

// As `bench.id` in seed.sql.
function idOf(time: number, name: string): string {
  const hex = createHash('md5').update(name).digest('hex');
  const all = `${time.toString(16).padStart(12, '0')}7${hex.slice(0, 3)}8${hex.slice(3, 18)}`;
  return `${all.slice(0, 8)}-${all.slice(8, 12)}-${all.slice(12, 16)}-${all.slice(16, 20)}-${all.slice(20)}`;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
