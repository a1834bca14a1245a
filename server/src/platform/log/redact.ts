import { describeError } from './errors.ts';

/**
 * What keeps secrets out of the log, in two nets. The first goes by key: whatever is called `password`, `token`,
 * `cookie`… is replaced at any depth. The second goes by form, over the finished line, messages and stacks included:
 * JWTs, our own tokens, credentials in URLs and query strings. A log reaches more eyes than the database does.
 */
const REDACTED = '[redacted]';
const MAX_DEPTH = 6;
const MAX_NODES = 1000;
const MAX_STRING = 8192;

/** Parts of names that hold secrets; counts and flags (`tokens_removed: 3`) stay readable. */
const SECRET_PART =
  /password|passwd|passphrase|secret|token|cookie|authorization|credential|privatekey|apikey|encryptionkey|csrf|assertion|signature/;
/** Whole names whose every value is a secret: one-time codes are numbers. */
const SECRET_NAME = new Set([
  'code',
  'otp',
  'totp',
  'pin',
  'passcode',
  'pass',
  'pwd',
  'codeverifier',
  'recoverycode',
  'recoverycodes',
  'jwt',
  'hash',
  'salt',
]);

const verdicts = new Map<string, 'name' | 'part' | 'plain'>();

function verdictOn(key: string): 'name' | 'part' | 'plain' {
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const name = key.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const verdict = SECRET_NAME.has(name) ? 'name' : SECRET_PART.test(name) ? 'part' : 'plain';
  // Keys may come from outside (a logged body): what is remembered is bounded.
  if (verdicts.size < 2000) verdicts.set(key, verdict);
  return verdict;
}

/** These have serializers of their own, which choose what they show. */
const SERIALIZED = new Set(['err', 'req', 'res']);

/** A copy of one log object without secrets, cycles, or anything unbounded. */
export function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  const budget = { nodes: MAX_NODES };
  const copy: Record<string, unknown> = {};
  try {
    for (const key of Object.keys(fields)) {
      copy[key] = SERIALIZED.has(key) ? fields[key] : cleaned(key, fields[key], 1, budget);
    }
  } catch {
    // A getter that throws must not turn a log call into a failed request.
    copy.unloggable = true;
  }
  return copy;
}

function cleaned(key: string, value: unknown, depth: number, budget: { nodes: number }): unknown {
  if (value === undefined || value === null) return value;
  const verdict = verdictOn(key);
  if (verdict === 'name') return REDACTED;
  if (verdict === 'part' && typeof value !== 'number' && typeof value !== 'boolean') return REDACTED;
  switch (typeof value) {
    case 'string':
      return value.length > MAX_STRING ? `${value.slice(0, MAX_STRING)}… (${value.length} characters)` : value;
    case 'bigint':
      return value.toString();
    case 'object':
      return cleanedObject(value, depth, budget);
    default:
      return value;
  }
}

function cleanedObject(value: object, depth: number, budget: { nodes: number }): unknown {
  if (value instanceof Error) return describeError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth > MAX_DEPTH) return '[too deep]';
  if (Array.isArray(value)) {
    const items = value.slice(0, 100).map((item) => (take(budget) ? cleaned('', item, depth + 1, budget) : '[cut]'));
    return value.length > 100 ? [...items, `[${value.length - 100} more]`] : items;
  }
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    if (!take(budget)) return { ...copy, cut: true };
    copy[key] = cleaned(key, (value as Record<string, unknown>)[key], depth + 1, budget);
  }
  return copy;
}

function take(budget: { nodes: number }): boolean {
  budget.nodes -= 1;
  return budget.nodes >= 0;
}

/** Each begins with a rare character or word, which is what keeps a line cheap; groups are kept, the rest is replaced. */
const SECRET_FORMS = new RegExp(
  [
    String.raw`eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*`,
    // Our tokens: prefix, underscore, at least 30 random bytes. The upper-case letter spares long names of constraints.
    String.raw`(_)(?=[\w-]{0,64}[A-Z])[\w-]{40,}`,
    String.raw`([?&#](?:[a-z_]*token|code|state|password|secret|key|sig)=)[^&\s"\\]+`,
    String.raw`(:\/\/[^\s:@/"\\]{0,64}:)[^\s@/"\\]+(?=@)`,
    String.raw`((?:[Bb]earer|[Bb]asic) )[\w.~+/=-]{8,}`,
  ].join('|'),
  'g',
);

/** C1 controls, line separators and direction overrides are legal in JSON, yet some terminals act on them. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The second net: over one finished JSON line. What it puts in is valid inside a JSON string. */
export function scrubbedLine(line: string): string {
  return line
    .replace(
      SECRET_FORMS,
      (_match, ...groups) => `${groups.slice(0, 4).find((group) => group !== undefined) ?? ''}${REDACTED}`,
    )
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
