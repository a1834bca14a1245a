import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Cache, CacheStatus } from './cache.ts';

interface Entry {
  value: string;
  expiresAt: number;
}

interface Options {
  clock: Clock;
  log: Pick<Logger, 'error'>;
  maxEntries?: number;
  maxCharacters?: number;
}

/** The cache within one process: the least recently used goes first, past either bound. */
export function memoryCache({ clock, log, maxEntries = 20_000, maxCharacters = 32_000_000 }: Options): Cache {
  // A Map keeps the order of insertion; what is read is put in anew.
  const entries = new Map<string, Entry>();
  const channels = new Map<string, Set<(message: string) => void>>();
  let characters = 0;

  const forget = (key: string) => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    characters -= key.length + entry.value.length;
    entries.delete(key);
  };
  const find = (key: string): Entry | null => {
    const entry = entries.get(key);
    if (entry === undefined) return null;
    if (entry.expiresAt > clock.now()) return entry;
    forget(key);
    return null;
  };
  const put = (key: string, entry: Entry) => {
    forget(key);
    entries.set(key, entry);
    characters += key.length + entry.value.length;
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries && characters <= maxCharacters) break;
      forget(oldest);
    }
  };
  const status = (): CacheStatus => ({ kind: 'memory', status: 'ok', latencyMs: 0 });

  return {
    async get(key) {
      const entry = find(key);
      if (entry !== null) put(key, entry);
      return entry?.value ?? null;
    },
    set: async (key, value, ttlSeconds) => put(key, { value, expiresAt: clock.now() + ttlSeconds * 1000 }),
    del: async (...keys) => keys.forEach(forget),
    publish(channel, message) {
      // As with Redis, the sender has gone on by the time that anybody hears it.
      setImmediate(() => deliver(channels.get(channel) ?? [], message, log));
    },
    async subscribe(channel, handler) {
      const handlers = channels.get(channel) ?? new Set();
      channels.set(channel, handlers.add(handler));
      return async () => void handlers.delete(handler);
    },
    async count(key, { add, atLeast, ttlSeconds }) {
      const entry = find(key);
      const value = Math.max(Number(entry?.value ?? 0) || 0, atLeast) + add;
      put(key, { value: String(value), expiresAt: entry?.expiresAt ?? clock.now() + ttlSeconds * 1000 });
      return value;
    },
    status,
    ping: async () => status(),
    async close() {
      entries.clear();
      channels.clear();
    },
  };
}

/** One handler that fails keeps nothing from the others. */
export function deliver(
  handlers: Iterable<(message: string) => void>,
  message: string,
  log: Pick<Logger, 'error'>,
): void {
  for (const handler of [...handlers]) {
    try {
      handler(message);
    } catch (error) {
      log.error({ err: error }, 'a handler of a cache message failed');
    }
  }
}
