import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { countUnsealed } from '../audit/index.ts';
import type { Keys } from '../keys/index.ts';
import { outboxDepth } from '../outbox/index.ts';
import type { Sessions } from '../sessions/index.ts';
import { GUESS } from '../throttle/index.ts';
import { type KeyView, listKeyViews } from './keys.ts';
import * as store from './stats-store.ts';

const HOUR_MS = 3600_000;
const DAY_MS = 24 * HOUR_MS;
const HOURS = 24;
const DAYS = 30;
const COUNT_MAX = 100_000;
const KEPT_MS = 5_000;

export interface Activity {
  start: string;
  sign_ins: number;
  failures: number;
}

export interface Stats {
  at: string;
  users: store.UserCounts & { exact: boolean; new_per_day: { day: string; count: number }[] };
  sessions: { live: number; exact: boolean };
  locked: number;
  sign_ins: { per_hour: Activity[]; per_day: Activity[]; counted_up_to: number };
  mail: { waiting: number; oldest_at: string | null; failed: number };
  keys: KeyView[];
  audit: { seq: number; sealed_at: string | null; unsealed: number };
}

interface Deps {
  db: Db;
  clock: Clock;
  keys: Keys;
  sessions: Pick<Sessions, 'idleSince'>;
}

/**
 * What a dashboard draws. No figure reads more than a bounded part of a table: large ones are sampled, spans of time
 * are counted up to a limit along an index, and what is over is not counted again.
 */
export function createStats(deps: Deps): () => Promise<Stats> {
  const countSpan = rememberPastSpans(deps);
  let kept: { stats: Promise<Stats>; until: number } | undefined;
  return () => {
    const now = deps.clock.now();
    if (kept === undefined || kept.until <= now) {
      kept = { stats: readStats(deps, countSpan, now), until: now + KEPT_MS };
      kept.stats.catch(() => {
        kept = undefined;
      });
    }
    return kept.stats;
  };
}

type CountSpan = (from: number, length: number, now: number) => Promise<Activity>;

async function readStats({ db, keys, sessions }: Deps, countSpan: CountSpan, now: number): Promise<Stats> {
  const at = new Date(now);
  const mail = await outboxDepth(db);
  const head = await store.auditHead(db);
  const guards = await store.sampleShare(db, 'auth.guards');
  return {
    at: at.toISOString(),
    users: await userFigures(db, now),
    sessions: await sessionFigures(db, at, sessions.idleSince(now)),
    locked: scaled(await store.countLocked(db, guards, GUESS, at), guards),
    sign_ins: {
      per_hour: await series(countSpan, HOUR_MS, HOURS, now),
      per_day: await series(countSpan, DAY_MS, DAYS, now),
      counted_up_to: COUNT_MAX,
    },
    mail: { waiting: mail.waiting, oldest_at: mail.oldest?.toISOString() ?? null, failed: mail.failed },
    keys: await listKeyViews(keys, now),
    audit: {
      seq: head?.seq ?? 0,
      sealed_at: head?.sealed_at.toISOString() ?? null,
      unsealed: await countUnsealed(db),
    },
  };
}

async function userFigures(db: Db, now: number): Promise<Stats['users']> {
  const share = await store.sampleShare(db, 'auth.users');
  const counts = await store.countUsers(db, share);
  const first = Math.floor(now / DAY_MS) * DAY_MS - (DAYS - 1) * DAY_MS;
  const found = await store.countNewUsers(db, firstIdOf(first), new Date(first));
  const byDay = new Map(found.map(({ start, count }) => [start.getTime(), count]));
  return {
    total: scaled(counts.total, share),
    verified: scaled(counts.verified, share),
    disabled: scaled(counts.disabled, share),
    without_password: scaled(counts.without_password, share),
    exact: share === 100,
    new_per_day: Array.from({ length: DAYS }, (_, index) => {
      const day = first + index * DAY_MS;
      return { day: new Date(day).toISOString().slice(0, 10), count: byDay.get(day) ?? 0 };
    }),
  };
}

async function sessionFigures(db: Db, now: Date, idleSince: Date): Promise<Stats['sessions']> {
  const share = await store.sampleShare(db, 'auth.sessions');
  return { live: scaled(await store.countLiveSessions(db, share, now, idleSince), share), exact: share === 100 };
}

async function series(countSpan: CountSpan, length: number, count: number, now: number): Promise<Activity[]> {
  const current = Math.floor(now / length) * length;
  const spans: Activity[] = [];
  for (let index = count - 1; index >= 0; index--) spans.push(await countSpan(current - index * length, length, now));
  return spans;
}

/** A span that ended a while ago gets no more lines: it is counted once in this process's life. */
function rememberPastSpans({ db }: Deps): CountSpan {
  const past = new Map<string, Activity>();
  return async (from, length, now) => {
    const id = `${from}/${length}`;
    const known = past.get(id);
    if (known) return known;
    const span = { from: new Date(from), to: new Date(from + length) };
    const counted: Activity = {
      start: span.from.toISOString(),
      sign_ins: await store.countAction(db, 'session.login', span, COUNT_MAX),
      failures: await store.countAction(db, 'session.login_failed', span, COUNT_MAX),
    };
    if (from + length < now - 60_000) past.set(id, counted);
    if (past.size > 200) past.delete(past.keys().next().value as string);
    return counted;
  };
}

function scaled(count: number, share: number): number {
  return Math.round((count * 100) / share);
}

/** The smallest UUIDv7 of a moment. */
function firstIdOf(time: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
