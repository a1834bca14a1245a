import type { Config } from '../../config/config.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { Logger } from '../../platform/log.ts';
import { applyRetention } from '../audit/index.ts';
import { deleteExpiredKeys } from '../idempotency/index.ts';
import type { Keys } from '../keys/index.ts';
import { deleteExpiredTokens } from '../one-time/index.ts';
import { deleteOldSessions } from '../sessions/index.ts';
import { deleteExpiredDevices } from '../signin/index.ts';
import { deleteExpiredCounts, deleteIdleGuards } from '../throttle/index.ts';

const DAY_MS = 24 * 3600_000;
const ENDED_KEPT_MS = 7 * DAY_MS;
const GUARDS_KEPT_MS = 90 * DAY_MS;

interface Deps {
  db: Db;
  clock: Clock;
  log: Logger;
  encryption: Encryption;
  keys: Keys;
  config: Pick<Config, 'AUDIT_RETENTION_DAYS'>;
}

/** What is over is removed, once an hour. Nothing depends on it: whatever expires is checked when it is used. */
export function housekeeping({ db, clock, log, encryption, keys, config }: Deps): {
  name: string;
  everySeconds: number;
  run(): Promise<void>;
} {
  return {
    name: 'housekeeping',
    everySeconds: 3600,
    async run() {
      const now = clock.now();
      await sweep(() => deleteOldSessions(db, new Date(now - ENDED_KEPT_MS)));
      await sweep(() => deleteExpiredTokens(db, new Date(now - DAY_MS)));
      await sweep(() => deleteExpiredDevices(db, new Date(now)));
      await sweep(() => deleteExpiredKeys(db, new Date(now)));
      await sweep(() => deleteExpiredCounts(db, new Date(now)));
      await sweep(() => deleteIdleGuards(db, new Date(now - GUARDS_KEPT_MS)));
      await keys.maintain();
      await applyRetention({ db, encryption, clock, log, days: config.AUDIT_RETENTION_DAYS });
    },
  };
}

/** In batches, with a breath between them: the embedded database shares its thread with the requests. */
async function sweep(deleteSome: () => Promise<number>): Promise<void> {
  while ((await deleteSome()) > 0) await new Promise(setImmediate);
}
