import { equal, fromBase64url, hmac, subkey } from '../../lib/bytes.ts';
import type { Cache } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { Changes } from '../changes/index.ts';
import { principalUser } from '../users/index.ts';
import { findSession, type SessionRow } from './store.ts';

/** A session as remembered: what decides about it, and as of which point of the change feed. No password hash in it. */
export interface Remembered {
  readonly principal: Principal;
  readonly secretHash: string;
  readonly rotatedAt: number;
  readonly endReason: string | null;
  readonly asOf: string;
  /** When reading it began. */
  readonly loadedAt: number;
}

const LOCAL_MAX = 50_000;
const LOCAL_TTL_MS = 60_000;
const SHARED_TTL_SECONDS = 300;

interface Deps {
  db: Db;
  cache: Cache;
  changes: Changes;
  clock: Clock;
  metrics: { cacheHit(): void; cacheMiss(): void };
  /** SESSION_SECRET's list. */
  secrets: readonly string[];
}

/**
 * Sessions by id: from this process's memory, else the shared cache, else PostgreSQL. Memory counts only while the
 * change feed is current and knows of no later change of the session or its user; anything else asks PostgreSQL.
 * An entry of the shared cache carries a MAC: who can write there is not for that reason an administrator here.
 */
export function createPrincipals({ db, cache, changes, clock, metrics, secrets }: Deps): {
  get(sessionId: string): Remembered | undefined | Promise<Remembered | undefined>;
  /** What this process remembers and may believe. */
  peek(sessionId: string): Remembered | undefined;
  /** Fresh from PostgreSQL; `read` where the row comes with a change. */
  load(sessionId: string, read?: () => Promise<SessionRow | undefined>): Promise<Remembered | undefined>;
  forget(sessionId: string): void;
} {
  const local = new Map<string, Remembered>();
  // The number grows with the shape: processes of two versions share the cache during a release.
  const key = (id: string): string => `session:2:${id}`;
  const macKeys = secrets.map((secret) => subkey(secret, 'session-cache'));

  // `loadedAt` may be by another process's clock: one that is further ahead than an entry lives is not believed.
  const stands = (entry: Remembered): boolean =>
    Math.abs(clock.now() - entry.loadedAt) < LOCAL_TTL_MS &&
    entry.loadedAt > changes.believedFrom() &&
    changes.isCurrent() &&
    changes.stands(BigInt(entry.asOf), [entry.principal.sessionId, entry.principal.user.id]);

  const remember = (entry: Remembered): void => {
    const id = entry.principal.sessionId;
    local.delete(id);
    local.set(id, entry);
    if (local.size > LOCAL_MAX) local.delete(local.keys().next().value as string);
  };

  const load = async (id: string, read = () => findSession(db, id)): Promise<Remembered | undefined> => {
    const asOf = changes.position().toString();
    const loadedAt = clock.now();
    const isSure = changes.isCurrent();
    const row = await read();
    if (row === undefined) return undefined;
    const entry = rememberedOf(row, asOf, loadedAt);
    if (entry.endReason === null) {
      remember(entry);
      // A position of which this process is not sure may be one of before a failover: not for others.
      if (isSure && cache.status().kind === 'redis') void cache.set(key(id), write(entry, macKeys), SHARED_TTL_SECONDS);
    }
    return entry;
  };

  const fetch = async (id: string): Promise<Remembered | undefined> => {
    if (changes.isCurrent() && cache.status().kind === 'redis') {
      const text = await cache.get(key(id));
      const entry = text === null ? null : parse(text, id, macKeys);
      if (entry !== null && stands(entry)) {
        remember(entry);
        return entry;
      }
    }
    return load(id);
  };

  const peek = (id: string): Remembered | undefined => {
    const entry = local.get(id);
    return entry !== undefined && stands(entry) ? entry : undefined;
  };

  return {
    peek,
    get(id) {
      const entry = peek(id);
      if (entry !== undefined) {
        metrics.cacheHit();
        return entry;
      }
      metrics.cacheMiss();
      local.delete(id);
      return fetch(id);
    },
    load,
    forget: (id) => {
      local.delete(id);
      void cache.del(key(id));
    },
  };
}

function write(entry: Remembered, macKeys: readonly Buffer[]): string {
  const text = JSON.stringify(entry);
  return `${hmac(macKeys[0] as Buffer, text).toString('base64url')}.${text}`;
}

// What another process wrote; anything that is not the entry of this very session is as good as absent.
function parse(signed: string, id: string, macKeys: readonly Buffer[]): Remembered | null {
  const end = signed.indexOf('.');
  const sent = fromBase64url(signed.slice(0, Math.max(0, end)));
  const text = signed.slice(end + 1);
  if (sent === null || !macKeys.some((macKey) => equal(hmac(macKey, text), sent))) return null;
  try {
    const entry = JSON.parse(text) as Remembered;
    return entry.principal.sessionId === id && /^\d+$/.test(entry.asOf) ? entry : null;
  } catch {
    return null;
  }
}

function rememberedOf(row: SessionRow, asOf: string, now: number): Remembered {
  return {
    principal: principalOf(row),
    secretHash: row.secret_hash.toString('base64'),
    rotatedAt: row.rotated_at.getTime(),
    endReason: row.end_reason ?? (row.ended_at === null ? null : 'ended'),
    asOf,
    loadedAt: now,
  };
}

export function principalOf(row: SessionRow): Principal {
  return {
    sessionId: row.session_id,
    kind: row.kind,
    deviceId: row.device_id,
    amr: row.amr,
    authenticatedAt: row.authenticated_at.getTime(),
    factorAt: row.factor_at?.getTime() ?? null,
    createdAt: row.session_created_at.getTime(),
    expiresAt: row.expires_at.getTime(),
    user: principalUser(row),
    impersonator: row.impersonator_id,
  };
}
