import { equal, fromBase64url, sha256 } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';

/**
 * Where a page ended, tied to the list that it belongs to: another filter, another list or a change of a character is
 * refused (ADM-11). It is no secret: whoever forges one that fits has named a place in a list that is theirs to read.
 */
export function toCursor(list: string, position: readonly string[]): string {
  const text = Buffer.from(JSON.stringify(position));
  return Buffer.concat([tie(list, text), text]).toString('base64url');
}

export function fromCursor(list: string, cursor: string): string[] {
  const bytes = fromBase64url(cursor);
  const text = bytes?.subarray(8);
  if (!bytes || !text || !equal(bytes.subarray(0, 8), tie(list, text))) throw invalid();
  return JSON.parse(text.toString('utf8')) as string[];
}

function tie(list: string, text: Buffer): Buffer {
  return sha256(Buffer.concat([Buffer.from(`admin-cursor\n${list}\n`), text])).subarray(0, 8);
}

function invalid(): Refusal {
  const message = 'is not one that this list gave for this filter';
  return new Refusal('validation_failed', { errors: [{ field: 'cursor', code: 'cursor', message }] });
}
