import type { RedisSettings } from '../../config/config.ts';
import type { Logger } from '../log.ts';
import type { Cache, CountOptions } from './cache.ts';
import type { RedisClient } from './connection.ts';
import { redisLink } from './link.ts';
import { redisMessages } from './messages.ts';

/** One step in Redis, so that no process counts between another's reading and writing. */
const COUNT = `
local key, add, least, ttl = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local value = math.max(tonumber(redis.call('GET', key) or '0') or 0, least) + add
local left = redis.call('PTTL', key)
if left <= 0 then left = ttl end
redis.call('SET', key, string.format('%.0f', value), 'PX', left)
return value`;

const PREFIX = 'auth:';

/** The cache in Redis. Whatever befalls it, a caller waits at most `PATIENCE_MS`, and only the first one does. */
export function redisCache(settings: RedisSettings, { log }: { log: Logger }): Cache {
  const link = redisLink(settings, log);
  const messages = redisMessages(settings, log);
  return {
    get: (key) => link.run((client) => client.sendCommand<string | null>(['GET', PREFIX + key])),
    set: async (key, value, ttlSeconds) => {
      await link.run((client) => client.sendCommand(['SET', PREFIX + key, value, 'PX', milliseconds(ttlSeconds)]));
    },
    del: (...keys) => link.remove(keys.map((key) => PREFIX + key)),
    publish: (channel, message) =>
      void link.run((client) => client.sendCommand(['PUBLISH', PREFIX + channel, message])),
    subscribe: (channel, handler, onGap) => messages.subscribe(PREFIX + channel, handler, onGap),
    count: (key, options) => link.run((client) => counted(client, PREFIX + key, options)),
    status: link.status,
    async ping() {
      await link.run((client) => client.sendCommand(['PING']));
      return link.status();
    },
    async close() {
      messages.close();
      link.close();
    },
  };
}

async function counted(client: RedisClient, key: string, { add, atLeast, ttlSeconds }: CountOptions): Promise<number> {
  const counts = [add, atLeast].map(String);
  return Number(await client.sendCommand(['EVAL', COUNT, '1', key, ...counts, milliseconds(ttlSeconds)]));
}

function milliseconds(seconds: number): string {
  return String(Math.max(1, Math.round(seconds * 1000)));
}
