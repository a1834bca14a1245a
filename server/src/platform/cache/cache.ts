/**
 * What may be forgotten at any moment: a cache, a counter that processes share, and a quick word between them. Nothing
 * here is the truth of anything (PostgreSQL is), so every operation answers within a tenth of a second, with `null`
 * where the cache does not, and none ever throws.
 */
export interface Cache {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlSeconds: number): Promise<void>;
  /** What cannot be deleted now is deleted before anything is read again from this process. */
  del(...keys: string[]): Promise<void>;
  /** Fire and forget; reaches this process too. */
  publish(channel: string, message: string): void;
  /** `onGap` runs when messages may have been missed: after each connection but the first. */
  subscribe(channel: string, handler: (message: string) => void, onGap?: () => void): Promise<() => Promise<void>>;
  /**
   * A counter that several processes share: max(what it is, `atLeast`) + `add`; `null` where the cache does not answer,
   * and then the caller's own count serves. With `atLeast` a counter that the cache lost is rebuilt. The time to live
   * starts with the first count.
   */
  count(key: string, options: CountOptions): Promise<number | null>;
  status(): CacheStatus;
  ping(): Promise<CacheStatus>;
  close(): Promise<void>;
}

export interface CountOptions {
  add: number;
  atLeast: number;
  ttlSeconds: number;
}

export interface CacheStatus {
  kind: 'memory' | 'redis';
  status: 'ok' | 'degraded';
  latencyMs?: number;
}
