import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { BATCH, judgeHead, type SealedBatch, type Seen, sealBatch } from './seal.ts';
import { createSigner } from './signer.ts';
import { ensurePartitions, readHead } from './store.ts';

export interface AuditLog {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the sealer counts; each is a metric of prom-client's, or anything of its form. */
export interface SealerMetrics {
  sealed?: { inc(count: number): void };
  broken?: { inc(): void };
  forged?: { inc(count: number): void };
  failures?: { inc(): void };
}

export interface SealerDeps {
  db: Db;
  encryption: Encryption;
  clock: Clock;
  log: AuditLog;
  metrics?: SealerMetrics;
  everyMs?: number;
}

export interface Sealer {
  start(): void;
  /** Seals what is there once more, then ends. */
  stop(): Promise<void>;
  /** Seals everything that is committed; gives how many lines. 0 where another process is at it. */
  sealNow(): Promise<number>;
}

/** The message of the log line that carries a checkpoint out of the database's reach; `readCheckpointFromLog` finds it. */
export const CHECKPOINT_MESSAGE = 'audit checkpoint';

const ENSURE_EVERY_MS = 3_600_000;

export function createSealer({ db, encryption, clock, log, metrics = {}, everyMs = 1000 }: SealerDeps): Sealer {
  const signer = createSigner(encryption);
  let seen: Seen | null = null;
  let ensureAt = 0;
  let running: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;

  // Without a partition of its own a month lies in the default one: no reason to stop sealing.
  async function ensureMonths(now: number): Promise<void> {
    ensureAt = now + ENSURE_EVERY_MS;
    try {
      await ensurePartitions(db, new Date(now), 2);
    } catch (error) {
      metrics.failures?.inc();
      log.error({ err: error }, 'partitions for audit lines could not be made; the default one takes them');
    }
  }

  async function round(): Promise<number> {
    const now = clock.now();
    if (now >= ensureAt) await ensureMonths(now);
    // One cheap statement while nothing happens; it also watches the end of the chain.
    const head = await readHead(db, seen?.seq ?? 0);
    const isQuiet = !head.hasWaiting && (head.checkpoint === null || head.checkpoint.key_id === signer.keyId);
    if (isQuiet && judgeHead(head, seen, signer) === null) {
      seen = head.line;
      return 0;
    }
    const known = seen;
    const batch = await db.transaction((tx) => sealBatch(tx, { encryption, signer, now, seen: known }));
    if (batch === null) return 0;
    seen = batch.head;
    report(batch);
    return batch.count;
  }

  function report({ count, forged, checkpoint, broken }: SealedBatch): void {
    if (broken !== null) {
      metrics.broken?.inc();
      log.error(broken, 'the audit chain is broken: its end is not what this server sealed');
    }
    if (forged > 0) {
      metrics.forged?.inc(forged);
      log.error({ count: forged }, 'audit lines were found that this server did not write');
    }
    if (checkpoint === null) return;
    metrics.sealed?.inc(count);
    // Not `hash`: the log's redaction takes that for a secret.
    log.info(
      { seq: checkpoint.seq, chain: checkpoint.hash.toString('hex'), signer: checkpoint.key_id },
      CHECKPOINT_MESSAGE,
    );
  }

  async function sealAll(): Promise<number> {
    let total = 0;
    for (;;) {
      const count = await round();
      total += count;
      if (count < BATCH) return total;
    }
  }

  function sealNow(): Promise<number> {
    const next = running.then(sealAll);
    running = next.catch(() => {});
    return next;
  }

  async function tick(): Promise<void> {
    try {
      await sealNow();
    } catch (error) {
      metrics.failures?.inc();
      log.error({ err: error }, 'audit lines could not be sealed; they wait in the database');
    }
    if (timer !== null) timer = setTimeout(tick, everyMs).unref();
  }

  return {
    sealNow,
    start() {
      timer ??= setTimeout(tick, 0).unref();
    },
    async stop() {
      if (timer === null) return;
      clearTimeout(timer);
      timer = null;
      await sealNow().catch((error) =>
        log.error({ err: error }, 'audit lines could not be sealed; they wait in the database'),
      );
    },
  };
}
