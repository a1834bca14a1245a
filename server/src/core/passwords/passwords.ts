import type { Config } from '../../config/config.ts';
import type { FieldError } from '../../lib/refusal.ts';
import { Refusal } from '../../lib/refusal.ts';
import { createHasher } from './hasher.ts';
import type { BreachOutcome, PasswordOwner } from './policy.ts';
import { createPolicy } from './policy.ts';
import type { PoolObserver, PoolStats } from './pool.ts';
import { createPool } from './pool.ts';
import type { StoredHash } from './stored.ts';
import { parseHash } from './stored.ts';
import { normalize, textProblem } from './text.ts';

export interface PasswordsDeps {
  config: Pick<Config, 'PASSWORD_HASH' | 'BCRYPT_SALT_ROUNDS' | 'PASSWORD_MIN_LENGTH' | 'PASSWORD_BREACH_CHECK'> &
    Partial<Pick<Config, 'PUBLIC_URL'>> & { HASH_CONCURRENCY?: number; HASH_QUEUE?: number };
  metrics?: PasswordMetrics;
  fetch?: typeof fetch;
  /** The range endpoint of Have I Been Pwned or a mirror of it, without the prefix. */
  breachEndpoint?: string;
}

export interface PasswordMetrics extends PoolObserver {
  breachCheck?(outcome: BreachOutcome, error?: unknown): void;
  /** A stored hash that cannot be read, or is over the ceilings: its owner must reset the password. */
  unusableHash?(problem: string): void;
}

export interface Verification {
  ok: boolean;
  /** The password was right, and its hash is of an older kind or price: hash it again and store that. */
  rehash: boolean;
}

export interface Passwords {
  /** Why this password cannot be chosen; empty if it can. */
  check(password: string, owner: PasswordOwner): Promise<FieldError[]>;
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /** `null` for an unknown or passwordless account: the same work, and never right. */
  verify(password: string, stored: string | null, signal?: AbortSignal): Promise<Verification>;
  stats(): PoolStats;
}

const wrong: Verification = { ok: false, rehash: false };

/**
 * An account that is not there costs what one costs that is: the decoy is a well-formed hash of the present kind and
 * price with random bytes in place of the result, so it needs no work at the start and no first call is slower. Accounts
 * whose imported hash is of another price stand out by time until their owner's next login; so do all while
 * PASSWORD_HASH has been changed and they have not come back yet.
 */
export function createPasswords({ config, metrics = {}, ...deps }: PasswordsDeps): Passwords {
  const pool = createPool({
    observer: metrics,
    ...(config.HASH_CONCURRENCY === undefined ? {} : { concurrency: config.HASH_CONCURRENCY }),
    ...(config.HASH_QUEUE === undefined ? {} : { queue: config.HASH_QUEUE }),
  });
  const hasher = createHasher(config);

  /** What to verify against, and whether a match may count. */
  function target(stored: string | null): { hash: StoredHash; real: boolean } {
    if (stored === null) return { hash: hasher.decoy, real: false };
    const hash = parseHash(stored);
    if (typeof hash !== 'string') return { hash, real: true };
    metrics.unusableHash?.(hash);
    return { hash: hasher.decoy, real: false };
  }

  return {
    check: createPolicy({ config, observe: metrics.breachCheck?.bind(metrics), ...deps }),

    async hash(password, signal) {
      const problem = textProblem(password);
      if (problem) throw new Refusal('password_rejected', { detail: `The password is not hashed: ${problem}.` });
      return pool.run(() => hasher.hash(normalize(password)), signal);
    },

    async verify(password, stored, signal) {
      const usable = textProblem(password) === null;
      const { hash, real } = target(usable ? stored : null);
      return pool.run(async () => {
        const forms = usable ? spellings(password) : [''];
        for (const [index, form] of forms.entries()) {
          if (!(await hasher.matches(form, hash)) || !real) continue;
          return { ok: true, rehash: index > 0 || !hasher.isCurrent(hash) };
        }
        return wrong;
      }, signal);
    },

    stats: pool.stats,
  };
}

/** Other systems hashed what was sent: where that differs from the normal form it is tried too, for every account alike. */
function spellings(password: string): string[] {
  const normal = normalize(password);
  return normal === password ? [normal] : [normal, password];
}
