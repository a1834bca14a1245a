/** CSV (RFC 4180), read record by record and written so that no spreadsheet takes a cell for a formula. */

// Also behind blanks and quotes, and in the full-width forms that some spreadsheets accept.
const FORMULA = /^[\s"']*[=+\-@|%＝＋－＠]/;

/** A text that would be a formula gets an apostrophe in front, and is a text again (ADM-16). */
export function csvCell(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const inert = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]|^\s|\s$|^'/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

/** Takes back what `csvCell` put in front, so that what was exported can be imported. */
export function withoutGuard(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell.slice(1)) ? cell.slice(1) : cell;
}

export interface CsvRecord {
  /** Where it begins; the first line is 1. */
  readonly line: number;
  readonly cells: readonly string[];
  /** Says why it cannot be read; `cells` is then empty. */
  readonly fault?: string;
}

const RECORD_MAX = 64 * 1024;

/** Records of lines without their ends; a quoted cell may hold line breaks. */
export async function* readCsv(lines: AsyncIterable<string>): AsyncIterable<CsvRecord> {
  let number = 0;
  let begun: { line: number; text: string } | null = null;
  for await (const line of lines) {
    number += 1;
    begun = begun === null ? { line: number, text: line } : { line: begun.line, text: `${begun.text}\n${line}` };
    if (begun.text.length > RECORD_MAX) {
      yield { line: begun.line, cells: [], fault: 'is longer than 64 KiB, or a quotation mark is never closed' };
      begun = null;
      continue;
    }
    const cells = splitCells(begun.text);
    if (cells === 'open') continue;
    if (begun.text.trim() !== '')
      yield typeof cells === 'string' ? { line: begun.line, cells: [], fault: cells } : { line: begun.line, cells };
    begun = null;
  }
  if (begun !== null) yield { line: begun.line, cells: [], fault: 'ends inside a quoted cell' };
}

/** The cells, `open` where a quoted one has not ended yet, or what is wrong. */
function splitCells(text: string): string[] | string {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (text[at] !== '"') {
      const end = text.indexOf(',', at);
      cells.push(end < 0 ? text.slice(at) : text.slice(at, end));
      if (end < 0) return cells;
      at = end + 1;
      continue;
    }
    let cell = '';
    for (at += 1; ; ) {
      const quote = text.indexOf('"', at);
      if (quote < 0) return 'open';
      cell += text.slice(at, quote);
      at = quote + 1;
      if (text[at] !== '"') break;
      cell += '"';
      at += 1;
    }
    cells.push(cell);
    if (at === text.length) return cells;
    if (text[at] !== ',') return 'has text behind a closing quotation mark';
    at += 1;
  }
}
