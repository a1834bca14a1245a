import type { Reading } from './reading.ts';
import { type Name, table } from './table.ts';

/** Secrets that the server keys its own cryptography with: nobody else chose them, so that they can be held to a rule. */
const OWN_SECRETS = ['JWT_SECRET', 'JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET', 'ENCRYPTION_KEY'] as const;

const SHORTEST = 32;

/** What guides, templates and hurried people write where a secret should stand. */
const PLACEHOLDERS = [
  /^your[-_. ]/i,
  /[-_. ]here$/i,
  /change[-_. ]?(me|this|it)/i,
  /replace[-_. ]?(me|this|with)/i,
  /placeholder|insert[-_. ]|goes[-_. ]?here|characters[-_. ]minimum/i,
  /^<.*>$/,
  /\$\{.*\}|\{\{.*\}\}/,
  /^(my[-_. ]?|super[-_. ]?|very[-_. ]?|top[-_. ]?|jwt[-_. ]?|session[-_. ]?|the[-_. ]?|dev(elopment)?[-_. ]?|test[-_. ]?)*(secret|password|passw0rd|key|token)[-_. ]?(key|1|12|123|1234)?$/i,
  /^(secure_password_here|secure_redis_password|passwd|pass|postgres|redis|admin|root|qwerty|letmein|example|default|todo|tbd|none|null|undefined|test|x+|123456\d*)$/i,
];

function isPlaceholder(text: string): boolean {
  const trimmed = text.trim();
  return (
    PLACEHOLDERS.some((pattern) => pattern.test(trimmed)) || /(.)\1{7}/u.test(trimmed) || /^(.)\1*$/u.test(trimmed)
  );
}

/** Too regular to have come from a random generator: few different characters, or a short piece over and over. */
function isMonotonous(text: string): boolean {
  if (new Set(text).size < 8) return true;
  for (let period = 1; period <= text.length / 2; period += 1) {
    if (text.slice(period) === text.slice(0, -period)) return true;
  }
  return false;
}

interface Password {
  readonly name: Name;
  /** What it opens: two settings may name one password of one system. */
  readonly system: string;
  readonly secret: string;
}

/**
 * In production a guessable secret is a fault, outside it a warning. The strength of another system's password is not
 * ours to judge, but a sample value of a guide is no secret.
 */
export function checkSecrets(texts: ReadonlyMap<Name, string>, reading: Reading): void {
  const complain = (name: string, problem: string, expected: string): void => {
    if (reading.isProduction) reading.report.fault(name, problem, expected);
    else reading.report.warn(`${name} ${problem}; production refuses that`);
  };
  const seen = new Map<string, Password>();
  const compare = (password: Password): void => {
    const other = seen.get(password.secret);
    if (!other) seen.set(password.secret, password);
    else if (other.system !== password.system)
      complain(password.name, `is the same secret as ${other.name}`, 'a secret of its own for every setting');
  };
  for (const name of OWN_SECRETS) {
    if (reading.report.blames(name)) continue;
    for (const item of (texts.get(name) ?? '').split(',').filter((part) => part !== '')) {
      const secret = item.trim();
      const problem = weaknessOf(name, secret, reading);
      if (problem) complain(name, problem, table[name].parser.expected);
      compare({ name, system: name, secret });
    }
  }
  for (const password of passwordsOf(reading)) {
    if (isPlaceholder(password.secret))
      complain(password.name, 'is or holds a placeholder such as guides use', 'the real secret');
    compare(password);
  }
}

function passwordsOf({ values }: Reading): Password[] {
  const inUrl = (url: URL | null): string => decodeURIComponent(url?.password ?? '');
  const found: [Name, string, string | null][] = [
    ['DATABASE_URL', 'database', inUrl(values.DATABASE_URL)],
    ['DATABASE_DIRECT_URL', 'database', inUrl(values.DATABASE_DIRECT_URL)],
    ['DB_PASSWORD', 'database', values.DB_PASSWORD],
    ['REDIS_URL', 'redis', inUrl(values.REDIS_URL)],
    ['REDIS_PASSWORD', 'redis', values.REDIS_PASSWORD],
    ['SMTP_PASSWORD', 'smtp', values.SMTP_PASSWORD],
    ['AWS_SECRET_ACCESS_KEY', 'aws', values.AWS_SECRET_ACCESS_KEY],
    ['GOOGLE_CLIENT_SECRET', 'google', values.GOOGLE_CLIENT_SECRET],
    ['GITHUB_CLIENT_SECRET', 'github', values.GITHUB_CLIENT_SECRET],
    ...(values.OIDC_PROVIDERS ?? []).map(({ id, client_secret: secret }): [Name, string, string | null] => [
      'OIDC_PROVIDERS',
      `provider ${id}`,
      typeof secret === 'string' ? secret : null,
    ]),
  ];
  return found.flatMap(([name, system, secret]) => (secret ? [{ name, system, secret }] : []));
}

function weaknessOf(name: (typeof OWN_SECRETS)[number], secret: string, reading: Reading): string | null {
  if (isPlaceholder(secret)) return 'is a placeholder such as guides use';
  if (name !== 'ENCRYPTION_KEY') {
    if (Buffer.byteLength(secret) < SHORTEST) return `is shorter than ${SHORTEST} bytes`;
    return isMonotonous(secret) ? 'repeats itself or has too few different characters' : null;
  }
  const isRegular = reading.values.ENCRYPTION_KEY?.some((key) => isMonotonous(key.toString('latin1')));
  return isRegular ? 'repeats itself or has too few different bytes' : null;
}
