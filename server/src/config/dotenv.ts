export interface DotenvFile {
  readonly values: ReadonlyMap<string, string>;
  /** "line 3: …", without any of the text: it may be a secret. */
  readonly problems: readonly string[];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' };

/**
 * One NAME=value a line; `#` comments, `export`, single quotes (as they are) and double quotes (with \n, \", \\).
 * Nothing is interpolated: a `$` in a password stays what it is.
 */
export function parseDotenv(content: string): DotenvFile {
  const values = new Map<string, string>();
  const problems: string[] = [];
  for (const [index, line] of content
    .replace(/^\uFEFF/, '')
    .split(/\r?\n|\r/)
    .entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)$/.exec(line);
    const value = match ? parseValue((match[2] ?? '').trimEnd()) : null;
    if (!match) problems.push(`line ${index + 1} is not of the form NAME=value`);
    else if (value === null)
      problems.push(`line ${index + 1} has a quote that is not closed, or text behind the closing one`);
    else values.set(match[1] ?? '', value);
  }
  return { values, problems };
}

function parseValue(text: string): string | null {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return text.replace(/(^|\s+)#.*$/, '').trimEnd();
  const quoted = quote === '"' ? /^"((?:[^"\\]|\\.)*)"\s*(#.*)?$/ : /^'([^']*)'\s*(#.*)?$/;
  const inner = quoted.exec(text)?.[1];
  if (inner === undefined) return null;
  return quote === '"' ? inner.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole) : inner;
}
