import type { Figure, Spread, Summary } from './rounds.ts';
import type { Stores } from './stores.ts';

/** What every section is given. */
export interface Bench {
  readonly stores: Stores;
  readonly isQuick: boolean;
  readonly rounds: number;
  /** Of each measurement. */
  readonly seconds: number;
  readonly warmUp: number;
  /** Whether `--only` wants this path. */
  wants(path: string): boolean;
  /** `--keep`: where large data stay for the next run. */
  readonly keep: string | undefined;
  /** `--profile`: where the servers of ours leave CPU profiles. */
  readonly profile: string | undefined;
}

/** A path, or another thing that is measured, against its limit and its target. */
export interface Row {
  readonly path: string;
  readonly unit: 'µs' | 'ms' | 's' | 'MB' | '×' | '';
  readonly ours: Spread;
  /** What the same work costs at the least. */
  readonly limit?: { readonly name: string; readonly value: Spread };
  /** Ours by the limit, round by round. */
  readonly ratio?: Spread;
  readonly target?: Target;
  readonly rivals?: readonly { readonly name: string; readonly value: Spread; readonly ratio: Spread }[];
}

export interface Target {
  /** As the table of the targets says it. */
  readonly text: string;
  /** What is judged, as a number, and its bound. */
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Why it cannot be judged here: then it counts as falling short. */
  readonly notShown?: string;
}

export interface SectionResult {
  readonly name: string;
  readonly title: string;
  readonly rows: readonly Row[];
  /** What a reader has to know beside the figures; a sentence each. */
  readonly notes: readonly string[];
  /** Every lane in full. */
  readonly lanes: Readonly<Record<string, Summary>>;
}

export type Section = (bench: Bench) => Promise<SectionResult>;

export type Figures = ReadonlyMap<string, readonly Figure[]>;

export function isReached({ value, atMost, atLeast, notShown }: Target): boolean {
  return notShown === undefined && value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? 0);
}
