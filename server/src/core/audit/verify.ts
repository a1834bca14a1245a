import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { type Fault, type FaultList, faultList } from './faults.ts';
import { GENESIS, isGenuine } from './line.ts';
import { BATCH } from './seal.ts';
import { createSigner, type Signer } from './signer.ts';
import { deletedAmong } from './store.ts';
import * as store from './verify-store.ts';
import { endWalk, type Place, startWalk, walkCheckpoints, walkLines } from './walk.ts';

const PAGE = 5000;
const REPEATED_PAGE = 50_000;
const UNSEALED_AFTER_MS = 5000;
const SETTLE_MS = 1500;
const TRIES = 3;

export interface VerifyOptions {
  /** Milliseconds since the epoch. */
  now: number;
  /** A checkpoint that something outside the database remembers (a log, a printout): the one proof against a cut tail. */
  expectCheckpoint?: { seq: number; hash: Buffer | string };
  onProgress?: (verified: number, total: number) => void;
  /** Only up to this line, where a checkpoint ends: as retention does before it drops what it cannot bring back. */
  upTo?: number;
}

export interface ChainReport {
  ok: boolean;
  /** Lines that were verified. */
  lines: number;
  /** Of them, those whose personal part was erased. */
  erased: number;
  /** Lines in the inbox: committed, not yet in the chain. */
  unsealed: number;
  head: Place;
  /** The first hundred; `faultCount` has all. */
  faults: Fault[];
  faultCount: number;
}

/**
 * Verifies the whole chain against someone who can write anything into the database but does not have ENCRYPTION_KEY.
 * Reads in pages on its own snapshots, so that it may run for an hour beside the traffic.
 */
export async function verifyChain(db: Db, encryption: Encryption, options: VerifyOptions): Promise<ChainReport> {
  for (let tries = 1; ; tries++) {
    const before = await store.readAnchors(db);
    const report = await verifyOnce(db, encryption, options);
    const after = await store.readAnchors(db);
    // Retention dropped lines meanwhile: what looked missing was allowed to go.
    if (report.ok || tries >= TRIES || before[0]?.seq === after[0]?.seq) return report;
  }
}

async function verifyOnce(db: Db, encryption: Encryption, options: VerifyOptions): Promise<ChainReport> {
  const faults = faultList();
  const signer = createSigner(encryption);
  const expected = placeOf(options.expectCheckpoint);
  const start = await findStart(db, signer, faults);
  const ends = await store.readEnds(db);
  const top = Math.min(Math.max(ends.line, ends.checkpoint), options.upTo ?? Number.MAX_SAFE_INTEGER);
  const walk = startWalk(start, signer, faults, expected);
  let erased = 0;

  for (let after = start.seq; after < top; ) {
    const upTo = Math.min(after + PAGE, top);
    const lines = await store.readLines(db, after, upTo);
    const checkpoints = await store.readCheckpoints(db, after, upTo + 2 * BATCH);
    walkLines(walk, lines, checkpoints);
    walkCheckpoints(
      walk,
      checkpoints.filter((c) => c.seq <= upTo),
    );
    erased += await checkErased(db, encryption, lines, faults);
    options.onProgress?.(upTo - start.seq, top - start.seq);
    // A gap may be as wide as the numbers are: go on where the next line is.
    const next = lines.length > 0 ? upTo : await store.nextSeq(db, upTo);
    after = lines.length > 0 ? upTo : Math.max(upTo, Math.min(top, (next ?? top + 1) - 1));
  }
  endWalk(walk);
  const { last: head, count } = walk;
  if (options.upTo === undefined) {
    checkTail(head, ends, expected, start, faults);
    await checkOutside(db, start, faults);
    await checkRepeated(db, faults);
    await checkGuards(db, faults);
    await checkUnsealed(db, options.now, faults);
  }
  const unsealed = await store.countInbox(db);
  const found = faults.found.toSorted((a, b) => (a.seq ?? Infinity) - (b.seq ?? Infinity));
  return { ok: faults.count() === 0, lines: count, erased, unsealed, head, faults: found, faultCount: faults.count() };
}

function placeOf(checkpoint: VerifyOptions['expectCheckpoint']): Place | null {
  if (checkpoint === undefined) return null;
  const { seq, hash } = checkpoint;
  return { seq, hash: typeof hash === 'string' ? Buffer.from(hash, 'hex') : hash };
}

/** The chain begins at line 1, or after the last line that retention dropped and signed for. */
export async function findStart(db: Db, signer: Signer, faults: FaultList): Promise<Place> {
  let start: Place | null = null;
  for (const anchor of await store.readAnchors(db)) {
    const verdict = signer.checkAnchor(anchor);
    if (verdict === 'valid') start ??= { seq: anchor.seq, hash: anchor.hash };
    // One of a former key is fine where a present one reaches as far: retention signs it anew.
    else if (verdict === 'invalid' || start === null) {
      faults.add({ kind: 'bad_signature', seq: anchor.seq, detail: 'the anchor’s signature is not valid' });
    }
  }
  return start ?? { seq: 0, hash: GENESIS };
}

async function checkErased(
  db: Db,
  encryption: Encryption,
  lines: store.VerifiedLine[],
  faults: FaultList,
): Promise<number> {
  const erased = lines.filter((line) => line.personal === null);
  const ids = new Set(erased.flatMap((line) => [line.subject_id, line.actor_id]).filter((id) => id !== null));
  if (erased.length === 0) return 0;
  const waiting = await store.readWaitingDeletions(db, [...ids]);
  const deleted = new Set<string | null>(await deletedAmong(db, [...ids]));
  for (const line of waiting) if (isGenuine(line, encryption)) deleted.add(line.subject_id);
  deleted.delete(null);
  for (const line of erased) {
    if (deleted.has(line.subject_id) || deleted.has(line.actor_id)) continue;
    const detail = 'the personal part was erased, but neither subject nor actor was deleted';
    faults.add({ kind: 'erased_without_event', seq: line.seq, id: line.id, detail });
  }
  return erased.length;
}

function checkTail(
  head: Place,
  ends: { line: number; checkpoint: number },
  expected: Place | null,
  start: Place,
  faults: FaultList,
): void {
  if (ends.checkpoint > head.seq) {
    const detail = `lines ${head.seq + 1} to ${ends.checkpoint} were sealed and are gone`;
    faults.add({ kind: 'cut_off', seq: head.seq + 1, detail });
  }
  if (expected === null) return;
  if (expected.seq > head.seq) {
    const detail = `the expected checkpoint is at ${expected.seq}, the chain ends at ${head.seq}`;
    faults.add({ kind: 'cut_off', seq: head.seq + 1, detail });
  } else if (expected.seq === start.seq && !expected.hash.equals(start.hash)) {
    faults.add({ kind: 'changed', seq: start.seq, detail: 'the chain does not begin after the expected checkpoint' });
  }
}

async function checkOutside(db: Db, start: Place, faults: FaultList): Promise<void> {
  for (const { id, seq } of await store.readOutside(db, start.seq)) {
    faults.add({ kind: 'forged', id, detail: `a line has the number ${seq}, which is outside the chain` });
  }
}

async function checkRepeated(db: Db, faults: FaultList): Promise<void> {
  let from: { at: Date; id: string } | null = null;
  do {
    const page: Awaited<ReturnType<typeof store.readRepeated>> = await store.readRepeated(db, from, REPEATED_PAGE);
    for (const { id, seq } of page.repeated) {
      faults.add({ kind: 'repeated', seq, id, detail: 'one event stands in the chain more than once' });
    }
    if (page.next !== null && page.next.id === from?.id) return;
    from = page.next;
  } while (from !== null);
}

/** Someone who switched a trigger off and on again has left no mark here; someone who forgot to has. */
async function checkGuards(db: Db, faults: FaultList): Promise<void> {
  const guards = await store.readGuards(db);
  for (const relation of await store.readGuarded(db)) {
    for (const trigger of ['append_only', 'no_truncate']) {
      const guard = guards.find((g) => g.relation === relation && g.trigger === trigger);
      if (guard?.fires && guard.ours) continue;
      faults.add({
        kind: 'unguarded',
        detail: `the trigger ${trigger} on audit.${relation} is missing or switched off`,
      });
    }
  }
  for (const { relation, trigger } of guards) {
    if (relation !== 'inbox' && (trigger === 'append_only' || trigger === 'no_truncate')) continue;
    faults.add({ kind: 'unguarded', detail: `the trigger ${trigger} on audit.${relation} is not this server’s` });
  }
}

/**
 * A line's time is when its request arrived; one that waited long for its commit looks old at once. So what is old is
 * given the sealer's second, and looked at again.
 */
async function checkUnsealed(db: Db, now: number, faults: FaultList): Promise<void> {
  const edge = new Date(now - UNSEALED_AFTER_MS);
  const before = await store.readUnsealedBefore(db, edge);
  if (before.length === 0) return;
  await sleep(SETTLE_MS);
  const still = new Set(await store.readUnsealedBefore(db, edge));
  for (const id of before) {
    if (still.has(id))
      faults.add({ kind: 'unsealed', id, detail: 'the line has waited for more than 5 s: does the sealer run?' });
  }
}
