import type { Sql } from '../../platform/db/index.ts';
import type { Position } from './cursor.ts';
import { type AuditFilter, readFilter } from './filter.ts';
import { type AuditLine, auditLine } from './search.ts';
import { findLines } from './search-store.ts';
import { visible } from './text.ts';

const PAGE = 1000;

/** Everything that the filter finds, newest first, a page at a time: the memory that it takes does not grow. */
export function exportAudit(sql: Sql, filter: AuditFilter, format: 'ndjson' | 'csv'): AsyncIterable<string> {
  // Read here, so that a wrong filter is refused before the answer has begun.
  const query = readFilter(filter);
  const lineText = format === 'csv' ? csvLine : jsonLine;
  return (async function* () {
    if (format === 'csv') yield `${CSV_COLUMNS.map(([name]) => name).join(',')}\r\n`;
    let after: Position | null = null;
    for (;;) {
      const lines: Awaited<ReturnType<typeof findLines>> = await findLines(sql, query, { after, limit: PAGE });
      const last = lines.at(-1);
      if (last === undefined) return;
      yield lines.map((line) => lineText(auditLine(line))).join('');
      if (lines.length < PAGE) return;
      after = last;
    }
  })();
}

function jsonLine(line: AuditLine): string {
  return `${JSON.stringify(line)}\n`;
}

const CSV_COLUMNS: [name: string, value: (line: AuditLine) => string | number | null][] = [
  ['seq', (line) => line.seq],
  ['id', (line) => line.id],
  ['at', (line) => line.at],
  ['action', (line) => line.action],
  ['outcome', (line) => line.outcome],
  ['actor_type', (line) => line.actor.type],
  ['actor_id', (line) => line.actor.id],
  ['subject', (line) => line.subject],
  ['session', (line) => line.session],
  ['reason', (line) => line.reason],
  ['request_id', (line) => line.request_id],
  ['address', (line) => line.address],
  ['user_agent', (line) => line.user_agent],
  ['detail', (line) => line.detail && JSON.stringify(line.detail)],
  ['personal', (line) => line.personal && JSON.stringify(line.personal)],
];

function csvLine(line: AuditLine): string {
  return `${CSV_COLUMNS.map(([, value]) => csvCell(value(line))).join(',')}\r\n`;
}

/**
 * One cell of RFC 4180. A text that a spreadsheet would take for a formula (also behind blanks, and in the full-width
 * forms that some accept) gets an apostrophe in front, and is a text again (ADM-16).
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = visible(value);
  const inert = /^[\s"']*[=+\-@|%＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]|^\s|\s$|^'/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}
