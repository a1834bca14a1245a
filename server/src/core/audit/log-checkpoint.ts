import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CHECKPOINT_MESSAGE } from './sealer.ts';

export interface RememberedCheckpoint {
  seq: number;
  /** Hexadecimal. */
  hash: string;
}

/**
 * The furthest checkpoint that a log file of this server carries. Furthest, not last: after a cut the numbers begin
 * again lower, and it is the lines that were there once which have to be there still.
 */
export async function readCheckpointFromLog(path: string): Promise<RememberedCheckpoint | null> {
  let furthest: RememberedCheckpoint | null = null;
  const lines = createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity });
  for await (const line of lines) {
    if (!line.includes(CHECKPOINT_MESSAGE)) continue;
    const checkpoint = parseCheckpoint(line);
    if (checkpoint !== null && checkpoint.seq > (furthest?.seq ?? 0)) furthest = checkpoint;
  }
  return furthest;
}

function parseCheckpoint(line: string): RememberedCheckpoint | null {
  let entry: Record<string, unknown>;
  try {
    // What stands before the object was put there by whatever carried the log (systemd, Docker).
    entry = JSON.parse(line.slice(Math.max(0, line.indexOf('{')))) as Record<string, unknown>;
  } catch {
    return null;
  }
  const { message, seq, chain } = entry;
  if (message !== CHECKPOINT_MESSAGE || !Number.isSafeInteger(seq) || typeof chain !== 'string') return null;
  return /^[0-9a-f]{64}$/.test(chain) ? { seq: seq as number, hash: chain } : null;
}
