import type { FaultList } from './faults.ts';
import { chainHash, isPersonalIntact } from './line.ts';
import type { Checkpoint, Signer } from './signer.ts';
import type { VerifiedLine } from './verify-store.ts';

export interface Place {
  seq: number;
  hash: Buffer;
}

/**
 * How far the chain has been walked. Pure: it is given pages and collects faults. Two things must hold. Every line
 * follows from the one before; and every batch ends where its signed checkpoint says, for whoever can write to the
 * database can compute the chain anew, but not sign it.
 */
export interface Walk {
  readonly signer: Signer;
  readonly faults: FaultList;
  readonly expected: Place | null;
  last: Place;
  count: number;
  /** What the next line may build on: the hash as kept and as computed, where a changed line makes the two differ. */
  previous: Buffer[];
  /** Hashes of this page's lines, for its checkpoints. */
  hashes: Map<number, Buffer>;
  /** The last line that a checkpoint covers. */
  signedTo: number;
  /** The first checkpoint of an unknown key that no later one has vouched for. */
  unvouched: number | null;
}

export function startWalk(start: Place, signer: Signer, faults: FaultList, expected: Place | null): Walk {
  const place = { last: start, previous: [start.hash], signedTo: start.seq };
  return { signer, faults, expected, count: 0, hashes: new Map(), unvouched: null, ...place };
}

/** `checkpoints` are those that end in this page or soon after it: one may say what follows a gap. */
export function walkLines(walk: Walk, lines: VerifiedLine[], checkpoints: Checkpoint[]): void {
  walk.hashes.clear();
  for (const line of lines) {
    if (line.seq <= walk.last.seq) {
      walk.faults.add({ kind: 'repeated', seq: line.seq, id: line.id, detail: 'two lines have this number' });
      continue;
    }
    if (line.seq > walk.last.seq + 1) crossGap(walk, line.seq, checkpoints);
    walk.count += 1;
    walk.last = { seq: line.seq, hash: line.hash };
    walk.hashes.set(line.seq, line.hash);
    judgeLine(walk, line);
  }
}

function crossGap(walk: Walk, to: number, checkpoints: Checkpoint[]): void {
  const [first, last] = [walk.last.seq + 1, to - 1];
  const what = first === last ? `line ${first} is` : `lines ${first} to ${last} are`;
  walk.faults.add({ kind: 'missing', seq: first, detail: `${what} missing` });
  // A signed checkpoint may say what the line after the gap builds on; else its own hash has to be taken as it is.
  const beginning = checkpoints.find((c) => c.first_seq === to && walk.signer.checkCheckpoint(c) === 'valid');
  walk.previous = beginning === undefined ? [] : [beginning.prev_hash];
}

function judgeLine(walk: Walk, line: VerifiedLine): void {
  const { faults, expected } = walk;
  const at = { seq: line.seq, id: line.id };
  const computed = walk.previous.map((hash) => chainHash(hash, line));
  const follows = computed.length === 0 || computed.some((hash) => hash.equals(line.hash));
  walk.previous = follows ? [line.hash] : [line.hash, ...computed.slice(0, 1)];
  if (!follows) faults.add({ kind: 'changed', ...at, detail: 'the line does not follow from the one before it' });
  else if (!isPersonalIntact(line)) faults.add({ kind: 'changed', ...at, detail: 'the personal part was changed' });
  else if (line.address_differs) faults.add({ kind: 'changed', ...at, detail: 'the address column was changed' });
  if (!line.genuine) faults.add({ kind: 'forged', ...at, detail: 'the line was not written by this server' });
  if (line.action === 'audit.broken' && line.genuine) {
    faults.add({ kind: 'broken', ...at, detail: `the sealer found the end of the chain altered: ${line.detail}` });
  }
  if (expected?.seq === line.seq && !expected.hash.equals(line.hash)) {
    faults.add({ kind: 'changed', ...at, detail: 'the line is not the one that the expected checkpoint names' });
  }
}

/** The checkpoints that end among the lines that were walked last. */
export function walkCheckpoints(walk: Walk, checkpoints: Checkpoint[]): void {
  for (const c of checkpoints) {
    const verdict = walk.signer.checkCheckpoint(c);
    if (verdict === 'invalid') {
      walk.faults.add({ kind: 'bad_signature', seq: c.seq, detail: 'the checkpoint’s signature is not valid' });
      continue;
    }
    if (c.first_seq !== walk.signedTo + 1) {
      const detail = `no checkpoint covers lines ${walk.signedTo + 1} to ${c.first_seq - 1}`;
      walk.faults.add({ kind: 'bad_signature', seq: walk.signedTo + 1, detail });
    }
    walk.signedTo = Math.max(walk.signedTo, c.seq);
    const hash = walk.hashes.get(c.seq);
    if (hash !== undefined && !hash.equals(c.hash)) {
      const detail = `lines ${c.first_seq} to ${c.seq} do not lead to their signed checkpoint`;
      walk.faults.add({ kind: 'changed', seq: c.seq, detail });
    }
    // A key that has left the list vouches for nothing itself; the next checkpoint of a known one covers it.
    if (verdict === 'valid') walk.unvouched = null;
    else walk.unvouched ??= c.seq;
  }
}

export function endWalk({ faults, last, signedTo, unvouched }: Walk): void {
  if (unvouched !== null) {
    const detail = 'signed with a key that ENCRYPTION_KEY does not hold, and no later checkpoint covers it';
    faults.add({ kind: 'bad_signature', seq: unvouched, detail });
  }
  if (last.seq > signedTo) {
    const detail = `lines ${signedTo + 1} to ${last.seq} come after the last valid checkpoint`;
    faults.add({ kind: 'bad_signature', seq: signedTo + 1, detail });
  }
}
