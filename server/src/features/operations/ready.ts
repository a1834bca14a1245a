import type { Cache } from '../../platform/cache/index.ts';
import type { Db } from '../../platform/db/index.ts';
import { pendingMigrations } from '../../platform/db/index.ts';

export interface Readiness {
  status: 'ok' | 'draining' | 'unavailable';
  checks: {
    database: { status: 'ok' | 'down'; latency_ms: number };
    cache: { status: 'ok' | 'degraded'; kind: 'memory' | 'redis'; latency_ms?: number };
    migrations: { status: 'ok' | 'pending' | 'unknown'; pending: number[] };
  };
}

const PATIENCE_MS = 2_000;
const SHARED_MS = 1_000;

/**
 * Whether this process should be sent requests. The cache only makes it faster: without it the answer stays yes.
 * Anyone may ask, and nobody counts: so all who ask within a second share one check.
 */
export function createReadiness(db: Db, cache: Cache): (isServing: boolean) => Promise<Readiness> {
  let shared: Promise<Readiness['checks']> | undefined;
  const checks = (): Promise<Readiness['checks']> => {
    shared ??= check(db, cache).finally(() => setTimeout(() => (shared = undefined), SHARED_MS).unref());
    return shared;
  };
  return async (isServing) => {
    const found = await checks();
    const isReady = found.database.status === 'ok' && found.migrations.status === 'ok';
    return { status: !isServing ? 'draining' : isReady ? 'ok' : 'unavailable', checks: found };
  };
}

async function check(db: Db, cache: Cache): Promise<Readiness['checks']> {
  const started = performance.now();
  const [pending, cached] = await Promise.all([inTime(pendingMigrations(db)), cache.ping()]);
  const isUp = pending !== null;
  const hasSchema = pending !== null && pending.length === 0;
  return {
    database: { status: isUp ? 'ok' : 'down', latency_ms: Math.round(performance.now() - started) },
    cache: {
      status: cached.status,
      kind: cached.kind,
      ...(cached.latencyMs === undefined ? {} : { latency_ms: Math.round(cached.latencyMs) }),
    },
    migrations: { status: !isUp ? 'unknown' : hasSchema ? 'ok' : 'pending', pending: pending ?? [] },
  };
}

async function inTime<T>(work: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((give) => {
    timer = setTimeout(() => give(null), PATIENCE_MS);
  });
  try {
    return await Promise.race([work.catch(() => null), late]);
  } finally {
    clearTimeout(timer);
  }
}
