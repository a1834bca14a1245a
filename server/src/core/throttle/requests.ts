import type { RateLimit } from '../../config/config.ts';
import type { Cache } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { addCount, deleteCount } from './store.ts';

export interface LimitState {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly reset: number;
}

/**
 * Requests per window, counted in this process and agreed with the others: at once where every request is a guess
 * (`countNow`), within a second where it is not (`count`). What is shared lives in Redis, else in PostgreSQL; when
 * neither answers, what this process has seen still counts, and it is what a lost shared count is rebuilt from.
 */
export interface RequestCounts {
  count(policy: string, key: string, limit: RateLimit): LimitState;
  countNow(policy: string, key: string, limit: RateLimit): Promise<LimitState>;
  peek(policy: string, key: string, limit: RateLimit): LimitState;
  clear(keys: readonly string[]): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface Counter {
  windowEndsAt: number;
  /** What this process counted in this window. */
  own: number;
  /** What the others had counted when they were last asked. */
  others: number;
  /** Not told to the others yet. */
  untold: number;
  /** Being told: it adds itself, and must not be added by what is told beside it. */
  underWay: number;
  isReported: boolean;
}

const COUNTERS_MAX = 100_000;
const AGREE_EVERY_MS = 1_000;
/** An administrator cleared a counter: the other processes drop theirs too. */
const CLEARED = 'limits-cleared';

interface Deps {
  cache: Cache;
  db: Db;
  clock: Clock;
  onError(error: unknown): void;
  /** Once for each window and key. */
  onExceeded?(policy: string, key: string): void;
}

export function createRequestCounts({ cache, db, clock, onError, onExceeded }: Deps): RequestCounts {
  const counters = new Map<string, Counter>();
  const dirty = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => Promise<void>) | undefined;

  // Windows are aligned to the clock, so that every process means the same one.
  const counterOf = (id: string, limit: RateLimit): Counter => {
    const now = clock.now();
    const found = counters.get(id);
    if (found !== undefined && found.windowEndsAt > now) return found;
    const length = limit.seconds * 1000;
    const fresh = {
      windowEndsAt: (Math.floor(now / length) + 1) * length,
      own: 0,
      others: 0,
      untold: 0,
      underWay: 0,
      isReported: false,
    };
    counters.delete(id);
    counters.set(id, fresh);
    if (counters.size > COUNTERS_MAX) counters.delete(counters.keys().next().value as string);
    return fresh;
  };

  // By its own turn, not by how many came while it was looked up: or of a burst nobody would be let in.
  const stateOf = (counter: Counter, limit: RateLimit, turn = counter.own): LimitState => {
    const total = turn + counter.others;
    return {
      allowed: total <= limit.max,
      remaining: limit.max - total,
      reset: Math.ceil((counter.windowEndsAt - clock.now()) / 1000),
    };
  };

  const sharedKey = (id: string, counter: Counter): string => `count:${id}:${counter.windowEndsAt / 1000}`;

  const tell = async (id: string, counter: Counter): Promise<void> => {
    const add = counter.untold;
    const knownBefore = counter.own + counter.others - counter.underWay - add;
    counter.untold = 0;
    counter.underWay += add;
    const key = sharedKey(id, counter);
    const ttlSeconds = Math.max(1, Math.ceil((counter.windowEndsAt - clock.now()) / 1000));
    let total = await cache.count(key, { add, atLeast: knownBefore, ttlSeconds });
    if (total === null && db.engine === 'postgres') {
      const entry = { key, add, atLeast: knownBefore, expiresAt: new Date(counter.windowEndsAt + 60_000) };
      total = await addCount(db, entry).catch(() => null);
    }
    counter.underWay -= add;
    if (total !== null) counter.others = Math.max(counter.others, total - (counter.own - counter.untold));
  };

  const agree = async (): Promise<void> => {
    const ids = [...dirty];
    dirty.clear();
    for (let at = 0; at < ids.length; at += 100) {
      await Promise.all(
        ids.slice(at, at + 100).map((id) => {
          const counter = counters.get(id);
          return counter && counter.untold > 0 && counter.windowEndsAt > clock.now() ? tell(id, counter) : undefined;
        }),
      );
    }
  };

  const add = (id: string, limit: RateLimit): Counter => {
    const counter = counterOf(id, limit);
    counter.own += 1;
    counter.untold += 1;
    return counter;
  };
  const judge = (policy: string, key: string, counter: Counter, limit: RateLimit, turn = counter.own): LimitState => {
    const state = stateOf(counter, limit, turn);
    if (!state.allowed && !counter.isReported) {
      counter.isReported = true;
      onExceeded?.(policy, key);
    }
    return state;
  };
  const isShared = (): boolean => db.engine === 'postgres' || cache.status().kind === 'redis';

  return {
    count(policy, key, limit) {
      const id = `${policy}:${key}`;
      const counter = add(id, limit);
      if (isShared()) dirty.add(id);
      return judge(policy, key, counter, limit);
    },
    async countNow(policy, key, limit) {
      const id = `${policy}:${key}`;
      const counter = add(id, limit);
      const turn = counter.own;
      if (isShared() && stateOf(counter, limit).allowed) await tell(id, counter);
      return judge(policy, key, counter, limit, turn);
    },
    peek: (policy, key, limit) => stateOf(counterOf(`${policy}:${key}`, limit), limit),
    async clear(keys) {
      for (const id of keys) {
        const counter = counters.get(id);
        counters.delete(id);
        cache.publish(CLEARED, id);
        if (counter === undefined) continue;
        await cache.del(sharedKey(id, counter));
        if (db.engine === 'postgres') await deleteCount(db, sharedKey(id, counter));
      }
    },
    async start() {
      unsubscribe = await cache.subscribe(CLEARED, (id) => void counters.delete(id));
      timer = setInterval(() => void agree().catch(onError), AGREE_EVERY_MS).unref();
    },
    async stop() {
      clearInterval(timer);
      await unsubscribe?.();
    },
  };
}
