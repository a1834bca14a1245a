import { stripVTControlCharacters } from 'node:util';

/** Log lines for people: one line each, times in UTC. Machines read LOG_FORMAT=json. */
const COLOURS: Record<string, string> = {
  trace: '90',
  debug: '36',
  info: '32',
  warn: '33',
  error: '31',
  fatal: '41;97',
};
const HIDDEN = new Set(['level', 'timestamp', 'service', 'pid', 'message', 'err']);

export function prettyLine(json: string, isColoured: boolean): string {
  let line: Record<string, unknown>;
  try {
    line = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return `${visible(json.trimEnd())}\n`;
  }
  const paint = (colour: string, text: string) => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const level = String(line.level);
  const parts = [
    paint('90', String(line.timestamp).slice(11, 23)),
    paint(COLOURS[level] ?? '0', level.toUpperCase().padEnd(5)),
    visible(String(line.message ?? '')),
  ];
  for (const [key, value] of Object.entries(line)) {
    if (!HIDDEN.has(key)) parts.push(`${paint('90', `${visible(key)}=`)}${readable(value)}`);
  }
  if (line.err !== undefined) parts.push(paint('31', errorText(line.err as Record<string, unknown>)));
  return `${parts.join(' ')}\n`;
}

function readable(value: unknown): string {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  return visible(JSON.stringify(value) ?? '');
}

function errorText(error: Record<string, unknown>): string {
  const named = ['code', 'constraint', 'table']
    .filter((key) => error[key] !== undefined)
    .map((key) => `${key}=${error[key]}`);
  const frames = String(error.stack ?? '')
    .split('\n')
    .slice(0, 4)
    .map((frame) => frame.replace(/^at /, ''))
    .join(' < ');
  const cause = error.cause as Record<string, unknown> | undefined;
  const because = cause === undefined ? '' : ` because ${cause.type}: ${cause.message}`;
  return visible(`${error.type}: ${error.message}${because} ${named.join(' ')} at ${frames}`);
}

/** Nothing that a request put into a value can move the cursor, hide text or start a line of its own. */
function visible(text: string): string {
  return stripVTControlCharacters(text).replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => (c === '\n' ? '⏎' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  );
}
