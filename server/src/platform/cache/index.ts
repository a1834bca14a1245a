import type { RedisSettings } from '../../config/config.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Cache } from './cache.ts';
import { memoryCache } from './memory.ts';
import { redisCache } from './redis.ts';

export type { Cache, CacheStatus, CountOptions } from './cache.ts';
export { memoryCache } from './memory.ts';
export { redisCache } from './redis.ts';

/** Redis where there is one, otherwise this process's memory. Returns at once: an absent Redis is fine, also at the start. */
export function openCache(settings: RedisSettings | null, deps: { clock: Clock; log: Logger }): Cache {
  return settings === null ? memoryCache(deps) : redisCache(settings, deps);
}
