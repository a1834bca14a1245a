import type { FastifyInstance } from 'fastify';
import type { Config } from '../config/config.ts';
import type { Changes } from '../core/changes/index.ts';
import type { Unit } from '../core/effects/index.ts';
import type { Factors } from '../core/factors/index.ts';
import type { Flags } from '../core/flags/index.ts';
import type { Idempotency } from '../core/idempotency/index.ts';
import type { Keys } from '../core/keys/index.ts';
import type { Passkeys } from '../core/passkeys/index.ts';
import type { Passwords } from '../core/passwords/index.ts';
import type { Providers } from '../core/providers/index.ts';
import type { SecondFactor } from '../core/second-factor/index.ts';
import type { Sessions } from '../core/sessions/index.ts';
import type { SignIn } from '../core/signin/index.ts';
import type { Guesses, RequestCounts } from '../core/throttle/index.ts';
import type { Tokens } from '../core/tokens/index.ts';
import type { Cache } from '../platform/cache/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Db } from '../platform/db/index.ts';
import type { Encryption } from '../platform/encryption.ts';
import type { CookieNames } from '../platform/http/cookies.ts';
import type { CollectedRoute } from '../platform/http/server.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';

/**
 * What every folder here fulfils. A feature is deletable: its folder and its line in app.ts. It imports core, platform
 * and lib, and no other feature.
 */
export interface Feature {
  readonly name: string;
  routes(app: FastifyInstance): void;
  /** Work that comes back: at most one process of all does it at a time. */
  readonly jobs?: readonly Job[];
}

export interface Job {
  readonly name: string;
  readonly everySeconds: number;
  run(): Promise<void>;
}

/** Everything that a feature may ask for, with `Pick`. */
export interface House {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly db: Db;
  readonly cache: Cache;
  readonly encryption: Encryption;
  readonly cookies: CookieNames;
  readonly changes: Changes;
  readonly unit: Unit;
  readonly flags: Flags;
  readonly keys: Keys;
  readonly tokens: Tokens;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly guesses: Guesses;
  readonly factors: Factors;
  readonly providers: Providers;
  readonly secondFactor: SecondFactor;
  readonly passkeys: Passkeys;
  readonly counts: RequestCounts;
  readonly signIn: SignIn;
  readonly idempotency: Idempotency;
  readonly routes: readonly CollectedRoute[];
  readonly version: string;
  /** Whether the server still takes new work; false while it drains. */
  isServing(): boolean;
}
