/**
 * Values as the log keeps them. Strings from outside lose what could act on a terminal, a log viewer or a spreadsheet
 * row: controls, line separators and direction overrides become visible escapes (LOG-02), lone surrogates U+FFFD (JSON
 * in PostgreSQL refuses them). Numbers that are not safe integers become strings, so that the text which is hashed here
 * and the text which PostgreSQL gives back are the same to the last digit.
 */
type Plain = null | boolean | number | string | Plain[] | { [key: string]: Plain };

const MAX_STRING = 2000;
const MAX_DEPTH = 6;
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

export function printable(text: string): string {
  return visible(text.length > MAX_STRING ? `${text.slice(0, MAX_STRING)}…` : text);
}

export function visible(text: string): string {
  return text
    .toWellFormed()
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export function plain(value: unknown, depth = 0): Plain {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return printable(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : String(value);
  if (typeof value !== 'object') return printable(String(value));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= MAX_DEPTH) return '…';
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [printable(key), plain(item, depth + 1)]),
  );
}

/** The text that PostgreSQL prints for the jsonb of `value`: keys by length in bytes, then by bytes. */
export function jsonbText(value: Plain): string {
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, item]) => ({ bytes: Buffer.from(key), key, item }));
  entries.sort((a, b) => a.bytes.length - b.bytes.length || a.bytes.compare(b.bytes));
  return `{${entries.map(({ key, item }) => `${JSON.stringify(key)}: ${jsonbText(item)}`).join(', ')}}`;
}
