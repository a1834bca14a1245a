import { equal, hmac } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { claim, drop, keep } from './store.ts';

export { deleteExpiredKeys } from './store.ts';

/**
 * `Idempotency-Key`: the same key and body give the same answer for a day, on one route and for one caller. What is
 * kept of the body is a keyed MAC without its secret fields; answers that carry tokens are never kept.
 */
export interface Idempotency {
  run(request: IdempotentRequest, work: () => Promise<Answer>): Promise<Answer>;
}

export interface IdempotentRequest {
  /** The header as sent; without it `work` simply runs. */
  key: string | string[] | undefined;
  route: string;
  caller: string;
  body: Record<string, unknown>;
}

export interface Answer {
  status: number;
  body: unknown;
  /** True where the answer carries a token. */
  secret?: boolean;
}

const KEPT_MS = 24 * 3600_000;
const UNDER_WAY_MS = 60_000;
const SECRET_FIELDS = new Set(['password', 'new_password', 'current_password', 'token', 'device_token']);
const KEY = /^[\x21-\x7e]{1,200}$/;

export function createIdempotency({
  db,
  clock,
  encryption,
}: {
  db: Db;
  clock: Clock;
  encryption: Encryption;
}): Idempotency {
  const secret = encryption.derive('idempotency')[0] as Buffer;
  return {
    async run(request, work) {
      if (request.key === undefined) return work();
      if (typeof request.key !== 'string' || !KEY.test(request.key)) {
        throw new Refusal('malformed_request', { detail: 'Idempotency-Key takes 1 to 200 visible ASCII characters.' });
      }
      const keyHash = hmac(secret, JSON.stringify([request.route, request.caller, request.key]));
      const fingerprint = hmac(secret, canonical(request.body));
      const now = clock.now();
      const kept = await claim(db, keyHash, fingerprint, new Date(now), new Date(now + UNDER_WAY_MS));
      if (kept !== undefined) {
        if (!equal(kept.fingerprint, fingerprint)) throw new Refusal('idempotency_key_reused');
        if (kept.status === null)
          throw new Refusal('conflict', { detail: 'The first request is still under way.', retryAfter: 1 });
        return { status: kept.status, body: JSON.parse(kept.body ?? 'null') };
      }
      let answer: Answer;
      try {
        answer = await work();
      } catch (error) {
        await drop(db, keyHash).catch(() => undefined);
        throw error;
      }
      if (answer.secret) await drop(db, keyHash);
      else await keep(db, keyHash, answer.status, JSON.stringify(answer.body), new Date(now + KEPT_MS));
      return answer;
    },
  };
}

function canonical(body: Record<string, unknown>): string {
  return JSON.stringify(
    Object.keys(body)
      .filter((name) => !SECRET_FIELDS.has(name))
      .sort()
      .map((name) => [name, body[name]]),
  );
}
