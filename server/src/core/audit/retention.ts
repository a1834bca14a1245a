import type { Clock } from '../../platform/clock.ts';
import type { Db, Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { faultList } from './faults.ts';
import { auditRow } from './line.ts';
import type { AuditLog } from './sealer.ts';
import { createSigner, type Signer } from './signer.ts';
import * as store from './store.ts';
import { findStart, verifyChain } from './verify.ts';
import { readAnchors } from './verify-store.ts';

const DAY_MS = 86_400_000;

interface RetentionDeps {
  db: Db;
  encryption: Encryption;
  clock: Clock;
  log: AuditLog;
  /** AUDIT_RETENTION_DAYS. */
  days: number;
}

/**
 * Drops whole months that are older than `days`, and signs where the chain now begins. What is dropped is verified
 * first: otherwise dropping would be the way to be rid of a line that was altered. Gives the partitions' names.
 */
export async function applyRetention({ db, encryption, clock, log, days }: RetentionDeps): Promise<string[]> {
  const signer = createSigner(encryption);
  const now = clock.now();
  await renewAnchor(db, signer, now);
  const edge = startOfMonth(now - days * DAY_MS);
  const last = await store.lastBefore(db, edge);
  if (last === null) return [];
  // Up to the next checkpoint past them: what comes after says what they were.
  const upTo = await store.checkpointAfter(db, last.seq, signer.keyIds);
  if (upTo === null) return [];
  const { ok, faults, faultCount } = await verifyChain(db, encryption, { now, upTo });
  if (!ok) {
    const fields = { faults: faults.slice(0, 5), count: faultCount };
    log.error(fields, 'audit lines past their retention are kept: they do not verify');
    return [];
  }
  const dropped = await db.transaction((tx) => drop(tx, { signer, encryption, now, edge, last }));
  if (dropped.length > 0)
    log.info({ partitions: dropped, upTo: last.seq }, 'audit lines past their retention were dropped');
  return dropped;
}

function startOfMonth(time: number): Date {
  const date = new Date(time);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1));
}

interface Drop {
  signer: Signer;
  encryption: Encryption;
  now: number;
  edge: Date;
  last: { seq: number; hash: Buffer };
}

async function drop(tx: Tx, { signer, encryption, now, edge, last }: Drop): Promise<string[]> {
  await store.lockSealing(tx);
  const { line } = await store.readHead(tx, 0);
  const present = await store.lastBefore(tx, edge);
  // The end of the chain always stays: it is what the next line builds on.
  if (line === null || line.seq <= last.seq || present?.seq !== last.seq || !present.hash.equals(last.hash)) return [];
  const first = await store.firstLine(tx);
  // A mail that failed after its user was gone is an erased line that may outlive the deletion by a month.
  const deleted = await store.deletionsOutlived(tx, edge);
  await store.insertAnchor(tx, signer.signAnchor({ seq: last.seq, hash: last.hash, at: new Date(now) }));
  const dropped = await store.dropPartitionsBefore(tx, edge);
  const event = {
    action: 'audit.partition_dropped' as const,
    outcome: 'success' as const,
    actor: { type: 'system' as const },
    origin: { requestId: '', address: '', userAgent: '', now },
    detail: { partitions: dropped, first, last: last.seq, deleted },
  };
  await store.insertInbox(tx, [auditRow(event, encryption)]);
  return dropped;
}

/** After a rotation the new key signs the anchor as well, so that the old one can leave ENCRYPTION_KEY's list. */
async function renewAnchor(db: Db, signer: Signer, now: number): Promise<void> {
  const faults = faultList();
  const start = await findStart(db, signer, faults);
  if (start.seq === 0 || faults.count() > 0) return;
  const isCurrent = (await readAnchors(db)).some((a) => a.seq === start.seq && a.key_id === signer.keyId);
  if (!isCurrent) await store.insertAnchor(db, signer.signAnchor({ ...start, at: new Date(now) }));
}
