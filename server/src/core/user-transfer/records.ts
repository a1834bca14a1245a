import { type CsvRecord, readCsv, withoutGuard } from '../../lib/csv.ts';
import { parseJsonStrictly } from '../../lib/json.ts';
import { Refusal } from '../../lib/refusal.ts';
import { FIELDS } from './fields.ts';

/** One line as it came: its fields, not judged yet, or why it cannot be read at all. */
export type RawRecord =
  | { readonly line: number; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly line: number; readonly fault: string };

const LINE_MAX = 64 * 1024;

export function readRecords(lines: AsyncIterable<string>, format: 'ndjson' | 'csv'): AsyncIterable<RawRecord> {
  return format === 'csv' ? csvRecords(lines) : jsonRecords(lines);
}

async function* jsonRecords(lines: AsyncIterable<string>): AsyncIterable<RawRecord> {
  let line = 0;
  for await (const text of lines) {
    line += 1;
    if (text.trim() !== '') yield { line, ...jsonRecord(text) };
  }
}

function jsonRecord(text: string): { fields: Record<string, unknown> } | { fault: string } {
  if (text.length > LINE_MAX) return { fault: 'is longer than 64 KiB' };
  if (text.includes('\uFFFD')) return { fault: 'holds bytes that are not UTF-8' };
  try {
    const value = parseJsonStrictly(Buffer.from(text));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { fault: 'is not a JSON object' };
    return { fields: value as Record<string, unknown> };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { fault: `is not JSON that can be used: ${error.options.detail ?? error.title}` };
  }
}

async function* csvRecords(lines: AsyncIterable<string>): AsyncIterable<RawRecord> {
  let head: string[] | undefined;
  for await (const record of readCsv(lines)) {
    if (head === undefined) head = readHead(record);
    else yield csvRecord(record, head);
  }
}

/** Without a head that can be relied on, no line of the file can. */
function readHead({ cells, fault }: CsvRecord): string[] {
  const names = cells.map((cell) => cell.trim().toLowerCase());
  const strange = names.find((name) => !FIELDS.includes(name));
  const message =
    fault !== undefined
      ? `The first line ${fault}.`
      : strange !== undefined
        ? `The first line names ${JSON.stringify(strange.slice(0, 60))}, which is no column. It takes: ${FIELDS.join(', ')}.`
        : new Set(names).size < names.length
          ? 'The first line names a column twice.'
          : names.includes('email')
            ? null
            : 'The first line names no column `email`.';
  if (message === null) return names;
  throw new Refusal('validation_failed', { detail: message, errors: [{ field: 'line 1', code: 'header', message }] });
}

function csvRecord({ line, cells, fault }: CsvRecord, head: readonly string[]): RawRecord {
  if (fault !== undefined) return { line, fault };
  if (cells.some((cell) => cell.includes('\uFFFD'))) return { line, fault: 'holds bytes that are not UTF-8' };
  if (cells.length !== head.length)
    return { line, fault: `has ${cells.length} cells where the first line has ${head.length}` };
  const pairs = head.map((name, index) => [name, withoutGuard(cells[index] as string)] as const);
  return { line, fields: Object.fromEntries(pairs.filter(([, value]) => value !== '')) };
}
