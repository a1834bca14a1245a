/** One thing that is shown to work. It throws where it does not. */
export interface Row {
  readonly name: string;
  /** Seconds until it counts as failed; 120 where none is given. */
  readonly timeout?: number;
  /** Why it cannot run here; null where it can. Such a row is listed as NOT RUN, never as passed. */
  skipUnless?(): string | null;
  run(t: RowContext): Promise<void>;
}

/** Rows about one artefact, in order; later rows may build on earlier ones. */
export interface Area {
  readonly name: string;
  readonly title: string;
  readonly needs?: readonly Need[];
  readonly rows: readonly Row[];
}

/** What must be there first. What can be installed or made is; a `tool` cannot. */
export type Need =
  | 'engine'
  | 'app-image'
  | 'stack'
  | `images:${'debian' | 'node' | 'postgres' | 'redis' | 'nginx'}`
  | `apt:${string}`
  | `tool:${string}`;

export interface RowContext {
  /** The checkout, and its folder `deploy`. */
  readonly root: string;
  readonly deploy: string;
  /** A fresh folder of its own, removed afterwards. */
  readonly scratch: string;
  /** How often what repeats is repeated. */
  readonly rounds: number;
  readonly signal: AbortSignal;
  /** Runs a shell text under bash -euo pipefail; throws with its output where it fails, unless `ok` is false. */
  sh(command: string, options?: ShOptions): Promise<Done>;
  /** For the report. */
  figure(name: string, value: number | string): void;
  /** Clean-up, in reverse order, whatever happens. */
  after(act: () => unknown): void;
}

export interface ShOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly ok?: boolean;
  readonly stdin?: string;
  readonly seconds?: number;
}

export interface Done {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
