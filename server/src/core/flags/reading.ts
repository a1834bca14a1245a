import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Changes } from '../changes/index.ts';
import { allFlags, type Flag } from './setting.ts';
import { listRows } from './store.ts';

/** The subject of the change feed for all flags: what is remembered of sessions stands when a flag changes. */
export const FLAGS = '00000000-0000-0000-0000-0000000000f1';

export type FlagSet = ReadonlyMap<string, Flag>;

/**
 * The flags in memory. They stand while the change feed is current and knows of no later change; what was read a moment
 * ago stands in any case, so that a feed that is not current, or an open transaction that holds it up, costs four
 * queries a second and not one for each request. If PostgreSQL fails too, asking fails: no switch opens by itself.
 */
export interface Reading {
  now(): FlagSet | Promise<FlagSet>;
  /** What `now` gave last; for who has just waited for it. */
  latest(): FlagSet;
  /** After a change of one's own, which counts here at once. */
  forget(): void;
}

interface Deps {
  db: Db;
  changes: Pick<Changes, 'isCurrent' | 'stands' | 'position' | 'believedFrom' | 'onChange'>;
  clock: Clock;
}

interface Known {
  readonly set: FlagSet;
  readonly asOf: bigint;
  readonly loadedAt: number;
  /** By the clock that nobody sets: when reading it began. */
  readonly began: number;
}

const RECENT_MS = 250;

export function createReading({ db, changes, clock }: Deps): Reading {
  let known: Known | undefined;
  let latest: { set: FlagSet; began: number } = { set: new Map(), began: 0 };
  let loading: { began: number; set: Promise<FlagSet> } | undefined;

  const isRecent = (began: number): boolean => performance.now() - began < RECENT_MS;
  const stands = ({ asOf, loadedAt, began }: Known): boolean =>
    isRecent(began) || (changes.isCurrent() && loadedAt > changes.believedFrom() && changes.stands(asOf, [FLAGS]));

  const load = (): Promise<FlagSet> => {
    const began = performance.now();
    const seen = { asOf: changes.position(), loadedAt: clock.now(), began };
    const read = async (): Promise<FlagSet> => {
      const set = new Map(allFlags(await listRows(db)).map((flag) => [flag.key, flag]));
      if (began >= latest.began) latest = { set, began };
      // What was begun before a change, or before a later reading, answers those who waited for it and is not kept.
      if (loading === mine) known = { set, ...seen };
      return set;
    };
    const set = read().finally(() => {
      if (loading === mine) loading = undefined;
    });
    const mine = { began, set };
    loading = mine;
    return set;
  };

  const forget = (): void => {
    known = undefined;
    loading = undefined;
  };
  changes.onChange((subject) => {
    if (subject === FLAGS) forget();
  });

  return {
    now() {
      if (known !== undefined && stands(known)) return known.set;
      return loading !== undefined && isRecent(loading.began) ? loading.set : load();
    },
    latest: () => latest.set,
    forget,
  };
}
