import type { Cache } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import { type Change, deleteChangesBefore, readChanges } from './store.ts';

export type { Change } from './store.ts';

/**
 * The feed that tells every process what to forget. PostgreSQL is its truth: whoever changes a user, a session, a key or
 * a role writes the subject's id in the same transaction, and every process reads the table four times a second, by
 * transaction id, so that a commit that comes late is never skipped. A message through the cache only makes it faster.
 *
 * What is remembered carries the `asOf` of its reading; it stands while no later change of its subjects is known, and
 * only while the feed was confirmed within the last second (`isCurrent`). Otherwise the caller asks PostgreSQL.
 */
export interface Changes {
  /** Whether this process has confirmed within the last second that it knows every change. */
  isCurrent(): boolean;
  /** Whether something read `asOf` may still be believed about all of `subjects`. */
  stands(asOf: bigint, subjects: readonly string[]): boolean;
  /** Where a reading made now stands; take it before reading. */
  position(): bigint;
  /** What was read until then, in ms, is not to be believed, whatever its position: the database went back behind it. */
  believedFrom(): number;
  /** What this process has just committed: it counts here at once, and the other processes are told to look now. */
  announce(changes: readonly Change[]): void;
  /** A change counts as known once every listener is done with it; one that fails is called again. */
  onChange(listener: (subject: string) => unknown): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Reads what has happened until now; `isCurrent` says whether that went well. */
  refresh(): Promise<void>;
  lagMs(): number;
}

/** The subject of what concerns everyone: keys, roles. */
export const EVERYONE = '00000000-0000-0000-0000-000000000000';

const INTERVAL_MS = 250;
const TRUST_MS = 1_000;
const KEPT_MS = 15 * 60_000;
/** How long after this process another may still have read at a position of before the failover, by whatever clock. */
const FAILOVER_MS = 5_000;
const CHANNEL = 'changes';

interface Deps {
  db: Db;
  cache: Cache;
  clock: Clock;
  onError(error: unknown): void;
  /** How long a change of another process took to be known here; seconds. */
  onLearned?(seconds: number): void;
}

export function createChanges({ db, cache, clock, onError, onLearned }: Deps): Changes {
  const latest = new Map<string, { xid: bigint; at: number }>();
  const listeners: ((subject: string) => unknown)[] = [];
  /** What was noted and will be read again, because an older transaction is still open. */
  const noted = new Map<bigint, Set<string>>();
  /** Subjects of which the listeners are still to be told. */
  const untold = new Set<string>();
  let telling: Promise<void> = Promise.resolve();
  let next = 0n;
  const history: { at: number; position: bigint }[] = [];
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let believedFrom = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let following: Promise<void> | undefined;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let unsubscribe: (() => Promise<void>) | undefined;

  // Of two changes of one subject, the one with the lower number may be committed later: it counts as much.
  const note = ({ subject, xid, at }: Change): void => {
    const known = latest.get(subject);
    const id = BigInt(xid);
    if (known?.xid === id || noted.get(id)?.has(subject) === true) return;
    noted.set(id, (noted.get(id) ?? new Set()).add(subject));
    if (known === undefined || known.xid < id) latest.set(subject, { xid: id, at: clock.now() });
    untold.add(subject);
    if (at !== undefined && confirmedAt > 0) onLearned?.((clock.now() - at.getTime()) / 1000);
  };

  const tellAll = async (): Promise<void> => {
    for (const subject of [...untold]) {
      untold.delete(subject);
      try {
        for (const listener of listeners) await listener(subject);
      } catch (error) {
        untold.add(subject);
        throw error;
      }
    }
  };
  const tell = (): Promise<void> => {
    telling = telling.catch(() => undefined).then(tellAll);
    return telling;
  };

  // A standby that lagged was promoted: transaction ids begin anew from an earlier one. Nothing remembered stands, also
  // when the ids have caught up, and the listeners begin anew too: of changes that were lost with the former primary,
  // or made before this reading, nobody will tell.
  const startAnew = (): void => {
    latest.clear();
    noted.clear();
    history.length = 0;
    believedFrom = clock.now() + FAILOVER_MS;
    untold.add(EVERYONE);
  };

  const read = async (): Promise<void> => {
    // Trust counts from before the question was asked: a slow answer does not lend it.
    const askedAt = monotonic();
    const answer = await readChanges(db, next.toString());
    const position = BigInt(answer.next);
    if (position < next) startAnew();
    answer.changes.forEach(note);
    await tell();
    const now = clock.now();
    next = position;
    for (const id of noted.keys()) if (id < next) noted.delete(id);
    if (history.length === 0) history.push({ at: now, position: next });
    confirmedAt = askedAt;
  };

  // The reading under way may have begun before what the caller knows of: then another one follows, for all who ask.
  const refresh = (): Promise<void> => {
    if (running === undefined) {
      running = read()
        .catch(onError)
        .finally(() => {
          running = undefined;
        });
      return running;
    }
    following ??= running.then(() => {
      following = undefined;
      return isStopped ? undefined : refresh();
    });
    return following;
  };

  let ticks = 0;
  const tick = async (): Promise<void> => {
    await refresh();
    if (++ticks % 400 === 0) await prune();
    if (!isStopped) timer = setTimeout(tick, INTERVAL_MS).unref();
  };
  const prune = async (): Promise<void> => {
    const before = clock.now() - KEPT_MS;
    for (const [subject, { at }] of latest) if (at < before) latest.delete(subject);
    history.push({ at: clock.now(), position: next });
    while (history.length > 1 && (history[1]?.at ?? 0) < before) history.shift();
    await deleteChangesBefore(db, new Date(before)).catch(onError);
  };

  return {
    isCurrent: () => monotonic() - confirmedAt < TRUST_MS,
    stands(asOf, subjects) {
      const coveredFrom = history[0]?.position;
      if (coveredFrom === undefined || asOf < coveredFrom || asOf > next) return false;
      const everyone = latest.get(EVERYONE);
      if (everyone !== undefined && everyone.xid >= asOf) return false;
      return subjects.every((subject) => {
        const change = latest.get(subject);
        return change === undefined || change.xid < asOf;
      });
    },
    position: () => next,
    believedFrom: () => believedFrom,
    announce(changes) {
      changes.forEach(note);
      void tell().catch(onError);
      cache.publish(CHANNEL, '');
      void refresh();
    },
    onChange: (listener) => void listeners.push(listener),
    async start() {
      await read();
      unsubscribe = await cache.subscribe(CHANNEL, () => void refresh());
      timer = setTimeout(tick, INTERVAL_MS).unref();
    },
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await unsubscribe?.();
      await running;
    },
    refresh,
    lagMs: () => monotonic() - confirmedAt,
  };
}

function monotonic(): number {
  return performance.now();
}
