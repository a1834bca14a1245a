import type { Tx } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { AuditAction } from './actions.ts';
import { auditRow, chainHash, GENESIS, type InboxLine, isGenuine } from './line.ts';
import type { Checkpoint, Signer } from './signer.ts';
import * as store from './store.ts';

export const BATCH = 1000;

/** The end of the chain as this process last saw it. It is what notices a tail that was cut off with its checkpoints. */
export interface Seen {
  seq: number;
  hash: Buffer;
}

export interface Break {
  kind: 'cut_off' | 'rewritten' | 'unsigned' | 'bad_signature' | 'unknown_key';
  found: number;
  remembered: number;
}

export interface SealedBatch {
  count: number;
  forged: number;
  checkpoint: Checkpoint | null;
  head: Seen | null;
  broken: Break | null;
}

/**
 * What is wrong with the end of the chain, if anything. Sealing on top of an end that this server did not sign would
 * sign for someone else's rewriting: so every batch looks first.
 */
export function judgeHead(head: store.Head, seen: Seen | null, signer: Signer): Break | null {
  const { line, checkpoint } = head;
  const found = line?.seq ?? 0;
  const broken = (kind: Break['kind']): Break => ({
    kind,
    found,
    remembered: Math.max(seen?.seq ?? 0, checkpoint?.seq ?? 0),
  });
  if (seen !== null && found < seen.seq) return broken('cut_off');
  if (checkpoint === null || line === null) {
    if (checkpoint !== null || (line === null && head.anchor !== null)) return broken('cut_off');
    return line === null ? null : broken('unsigned');
  }
  if (line.seq !== checkpoint.seq) return broken(line.seq < checkpoint.seq ? 'cut_off' : 'unsigned');
  if (!line.hash.equals(checkpoint.hash)) return broken('rewritten');
  const verdict = signer.checkCheckpoint(checkpoint);
  if (verdict !== 'valid') return broken(verdict === 'invalid' ? 'bad_signature' : 'unknown_key');
  if (seen === null) return null;
  // Retention may have dropped what was remembered, and has signed for it.
  if (head.anchor !== null && seen.seq <= head.anchor.seq && signer.checkAnchor(head.anchor) === 'valid') return null;
  return head.remembered?.equals(seen.hash) ? null : broken('rewritten');
}

/** Where to go on: past everything that is known to have been, so that no number is given twice. */
function continueFrom({ line, checkpoint }: store.Head, seen: Seen | null): Seen {
  const known = [seen, checkpoint, line].filter((end) => end !== null);
  return known.reduce<Seen>((last, end) => (end.seq > last.seq ? end : last), { seq: 0, hash: GENESIS });
}

interface SealContext {
  encryption: Encryption;
  signer: Signer;
  now: number;
  seen: Seen | null;
}

/** Moves up to 1,000 committed lines into the chain; null where another process is doing so. */
export async function sealBatch(tx: Tx, context: SealContext): Promise<SealedBatch | null> {
  if (!(await store.tryLockSealing(tx))) return null;
  const { encryption, signer, seen } = context;
  const head = await store.readHead(tx, seen?.seq ?? 0);
  const broken = judgeHead(head, seen, signer);
  const start = continueFrom(head, seen);
  const lines = [...(await ownLines(tx, context, head, broken)), ...(await store.readWaiting(tx, BATCH))];
  if (lines.length === 0)
    return { count: 0, forged: 0, checkpoint: null, head: start.seq === 0 ? null : start, broken };

  const sealedAt = new Date(Math.max(context.now, Number(head.line?.sealed_at ?? 0), Number(head.checkpoint?.at ?? 0)));
  const { seals, hash, forged } = link(dedupe(lines), start, sealedAt, encryption);
  const moved = await store.moveToEvents(tx, seals, sealedAt);
  if (moved !== seals.length) throw new Error(`audit: ${seals.length} lines were to be sealed, ${moved} were`);
  const seq = start.seq + seals.length;
  const checkpoint = signer.signCheckpoint({
    first_seq: start.seq + 1,
    prev_hash: start.hash,
    seq,
    hash,
    at: sealedAt,
  });
  await store.insertCheckpoint(tx, checkpoint);
  await eraseDeleted(tx, lines);
  return { count: seals.length, forged, checkpoint, head: { seq, hash }, broken };
}

function link(lines: InboxLine[], start: Seen, sealedAt: Date, encryption: Encryption) {
  let { hash } = start;
  let forged = 0;
  const seals = lines.map((line, index): store.Seal => {
    const seq = start.seq + 1 + index;
    const genuine = isGenuine(line, encryption);
    if (!genuine) forged += 1;
    hash = chainHash(hash, { ...line, seq, genuine, sealed_at: sealedAt });
    return { id: line.id, seq, hash: `\\x${hash.toString('hex')}`, genuine };
  });
  return { seals, hash, forged };
}

// The sealer's own lines are in the inbox too, and may be among the first thousand.
function dedupe(lines: InboxLine[]): InboxLine[] {
  return [...new Map(lines.map((line) => [line.id, line])).values()];
}

/** What the sealer itself has to say comes first in its batch. */
async function ownLines(tx: Tx, context: SealContext, head: store.Head, broken: Break | null): Promise<InboxLine[]> {
  const { encryption, signer, now } = context;
  let own: { action: AuditAction; detail: Record<string, unknown> } | null = null;
  if (broken !== null) {
    own = {
      action: 'audit.broken',
      detail: { ...broken, remembered_hash: context.seen?.hash.toString('hex') ?? null },
    };
  } else if (head.checkpoint !== null && head.checkpoint.key_id !== signer.keyId) {
    // From here on the new key vouches for the whole chain, so that the old one can leave the list.
    own = { action: 'audit.key_changed', detail: { from: head.checkpoint.key_id, to: signer.keyId } };
  }
  if (own === null) return [];
  const origin = { requestId: '', address: '', userAgent: '', now };
  const outcome = broken === null ? 'success' : 'failure';
  const row = auditRow({ ...own, outcome, actor: { type: 'system' }, origin }, encryption);
  await store.insertInbox(tx, [row]);
  return store.readWaitingById(tx, [row.id as string]);
}

/**
 * Lines of a deleted user that were under way while the deletion committed, and those of the deletion itself, still
 * carry what is personal: they lose it as they are sealed.
 */
async function eraseDeleted(tx: Tx, lines: InboxLine[]): Promise<void> {
  const ids = new Set<string>();
  for (const line of lines) {
    if (line.personal === null) continue;
    if (line.subject_id !== null) ids.add(line.subject_id);
    if (line.actor_id !== null) ids.add(line.actor_id);
  }
  if (ids.size === 0) return;
  for (const id of await store.deletedAmong(tx, [...ids])) await store.eraseSubject(tx, id);
}
