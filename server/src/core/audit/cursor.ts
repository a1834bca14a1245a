import { equal, fromBase64url, sha256 } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';

/** The last line of a page; the next page begins below it. */
export interface Position {
  at: Date;
  id: string;
}

// at (8), id (16), and 8 bytes that tie it to the list it came from. It is no secret: whoever forges one that fits has
// named a place in a list that is theirs to read anyway.
const LENGTH = 32;

export function toCursor(list: string, { at, id }: Position): string {
  const bytes = Buffer.alloc(24);
  bytes.writeBigInt64BE(BigInt(at.getTime()), 0);
  bytes.write(id.replaceAll('-', ''), 8, 'hex');
  return Buffer.concat([bytes, tie(list, bytes)]).toString('base64url');
}

export function fromCursor(list: string, cursor: string): Position {
  const bytes = cursor.length <= 64 ? fromBase64url(cursor) : null;
  if (bytes?.length !== LENGTH || !equal(bytes.subarray(24), tie(list, bytes.subarray(0, 24)))) throw invalid();
  const at = new Date(Number(bytes.readBigInt64BE(0)));
  if (Number.isNaN(at.getTime())) throw invalid();
  const hex = bytes.toString('hex', 8, 24);
  return { at, id: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') };
}

function tie(list: string, bytes: Buffer): Buffer {
  return sha256(`audit-cursor\n${list}\n${bytes.toString('hex')}`).subarray(0, 8);
}

function invalid(): Refusal {
  const message = 'Use the next_cursor of the page before, with the same filter.';
  return new Refusal('validation_failed', { detail: message, errors: [{ field: 'cursor', code: 'invalid', message }] });
}
