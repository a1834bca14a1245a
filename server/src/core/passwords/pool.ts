import { availableParallelism } from 'node:os';
import { Refusal } from '../../lib/refusal.ts';

export interface PoolStats {
  running: number;
  queued: number;
  /** Refused since the start because the queue was full or the wait too long. */
  rejected: number;
}

export interface PoolObserver {
  /** Seconds that a task took, and seconds it stood in the queue before. */
  done?(seconds: number, waited: number): void;
  rejected?(): void;
}

export interface PoolOptions {
  concurrency?: number;
  queue?: number;
  observer?: PoolObserver;
  /** Milliseconds of a clock that never goes back; only durations are made of it. */
  monotonic?: () => number;
}

export interface Pool {
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  stats(): PoolStats;
}

interface Waiting {
  readonly start: () => void;
}

const longestWait = 2_000;
const firstGuess = 50;

/**
 * libuv has four threads, and DNS, files and node:crypto share them: hashing takes three at most, so that a refresh or
 * a token signature never stands behind a flood of logins.
 */
function defaultConcurrency(): number {
  return Math.max(1, Math.min(availableParallelism(), 3));
}

/**
 * Admission control for password hashing, the one expensive thing that a stranger may ask for: first in, first out, a
 * bounded queue, and `busy` at once for whoever would wait too long. Who gives up leaves the queue unhashed.
 */
export function createPool(options: PoolOptions = {}): Pool {
  const { concurrency = defaultConcurrency(), queue: limit = 64, observer } = options;
  const monotonic = options.monotonic ?? (() => performance.now());
  const queue = new Set<Waiting>();
  let running = 0;
  let rejected = 0;
  let typical = firstGuess;

  function admit(): void {
    const wait = ((queue.size + 1) * typical) / concurrency;
    if (queue.size < limit && wait <= longestWait) return;
    rejected += 1;
    observer?.rejected?.();
    throw new Refusal('busy', { retryAfter: Math.max(1, Math.ceil(wait / 1_000)) });
  }

  function enter(signal: AbortSignal | undefined): Promise<void> {
    if (running < concurrency) {
      running += 1;
      return Promise.resolve();
    }
    admit();
    return new Promise((resolve, reject) => {
      const leave = () => {
        queue.delete(waiting);
        reject(signal?.reason);
      };
      const start = () => {
        signal?.removeEventListener('abort', leave);
        resolve();
      };
      const waiting: Waiting = { start };
      queue.add(waiting);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }

  /** The slot goes from hand to hand: `running` drops only when nobody waits, so a newcomer cannot slip in between. */
  function exit(): void {
    const [next] = queue;
    if (next === undefined) {
      running -= 1;
      return;
    }
    queue.delete(next);
    next.start();
  }

  return {
    async run(task, signal) {
      signal?.throwIfAborted();
      const asked = monotonic();
      await enter(signal);
      const started = monotonic();
      try {
        return await task();
      } finally {
        const took = monotonic() - started;
        typical += (took - typical) / 5;
        exit();
        observer?.done?.(took / 1_000, (started - asked) / 1_000);
      }
    },
    stats: () => ({ running, queued: queue.size, rejected }),
  };
}
