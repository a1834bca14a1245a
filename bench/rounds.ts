import { setTimeout as sleep } from 'node:timers/promises';
import { type Spent, startMeter, type Watched } from './cost.ts';
import { say } from './ground.ts';
import { type LoadOptions, type LoadResult, runLoad } from './load.ts';

/** One subject on one path. `cost` to `redis` are microseconds of CPU per request; times are milliseconds. */
export interface Figure {
  readonly cost: number;
  /** The part of the cost that the main thread took: what is left are password hashes, the compiler and the collector. */
  readonly main: number;
  readonly postgres: number;
  readonly redis: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly requests: number;
}

export interface Lane {
  readonly name: string;
  measure(seconds: number): Promise<Figure>;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export type Summary = { readonly [Key in keyof Figure]: Spread };

export interface RoundsOptions {
  readonly section: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Seconds for each lane before the first round: the compiler of V8 needs them, and caches fill. */
  readonly warmUp: number;
  /** Between the warm-up and the first round. */
  readonly whenWarm?: () => Promise<void>;
}

/** Warms every lane up, then takes them in turn, round after round: what disturbs the machine disturbs all alike. */
export async function runRounds(lanes: readonly Lane[], options: RoundsOptions): Promise<Map<string, Figure[]>> {
  const { section, rounds, seconds, warmUp, whenWarm } = options;
  const figures = new Map<string, Figure[]>(lanes.map((lane) => [lane.name, []]));
  for (const lane of lanes) {
    say(`${section}: warming up ${lane.name}`);
    await lane.measure(warmUp);
  }
  await whenWarm?.();
  for (let round = 1; round <= rounds; round++) {
    for (const lane of lanes) {
      const figure = await lane.measure(seconds);
      figures.get(lane.name)?.push(figure);
      say(`${section}: round ${round} of ${rounds}: ${lane.name} ${figure.cost.toFixed(1)} µs, ${figure.rate | 0}/s`);
    }
  }
  return figures;
}

export interface LaneOptions extends Watched {
  /**
   * What a request leaves to be done behind its answer counts as well: the account is closed so many seconds after the
   * load, or when the condition holds.
   */
  readonly settle?: number | (() => boolean);
}

type Load = Omit<LoadOptions, 'seconds'>;

/** A lane that puts load on a server and counts what it, PostgreSQL and Redis use for it. `prepare` is not measured. */
export function loadLane(
  name: string,
  { settle = 0, ...watched }: LaneOptions,
  prepare: (seconds: number) => Load | Promise<Load>,
): Lane {
  return {
    name,
    async measure(seconds) {
      const options = await prepare(seconds);
      const pause = typeof settle === 'number' ? settle : 0;
      await sleep(pause * 1000);
      const meter = startMeter(watched);
      const result = await runLoad({ ...options, seconds });
      await sleep(pause * 1000);
      const end = performance.now() + LONGEST_SETTLE;
      while (typeof settle === 'function' && !settle()) {
        if (performance.now() > end) throw new Error(`${name}: what was left to the background was not done in time`);
        await sleep(20);
      }
      return figureOf(result, meter());
    },
  };
}

const LONGEST_SETTLE = 60_000;

export function figureOf(result: LoadResult, spent: Spent): Figure {
  const { requests, seconds, p50, p99 } = result;
  const each = (value: number): number => value / Math.max(1, requests);
  return {
    cost: each(spent.subject),
    main: each(spent.main),
    postgres: each(spent.postgres),
    redis: each(spent.redis),
    rate: requests / seconds,
    p50,
    p99,
    requests,
  };
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

export function summarise(figures: readonly Figure[]): Summary {
  const of = (key: keyof Figure): Spread => spreadOf(figures.map((figure) => figure[key]));
  return {
    cost: of('cost'),
    main: of('main'),
    postgres: of('postgres'),
    redis: of('redis'),
    rate: of('rate'),
    p50: of('p50'),
    p99: of('p99'),
    requests: of('requests'),
  };
}

/** Taken round by round, so that what slowed a whole round down cancels out. */
export function ratioOf(figures: readonly Figure[], against: readonly Figure[], key: keyof Figure = 'cost'): Spread {
  return spreadOf(figures.map((figure, round) => figure[key] / (against[round]?.[key] ?? Number.NaN)));
}
