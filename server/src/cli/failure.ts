import { ConfigError } from '../config/report.ts';
import { Refusal } from '../lib/refusal.ts';
import { DirectoryHeld } from '../platform/db/holder.ts';

/** What the exit code says (sysexits.h where it has a word). */
export const EXIT = { ok: 0, failed: 1, usage: 64, data: 65, unavailable: 69, internal: 70, config: 78 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** For `--help` and the reference. */
export const EXIT_MEANINGS: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'not done, or a check found something: the message says what'],
  [EXIT.usage, 'an unknown command or option, or a missing one'],
  [EXIT.data, 'the input has lines that cannot be used'],
  [EXIT.unavailable, 'the database or something else that it takes cannot be reached'],
  [EXIT.internal, 'a bug in this program'],
  [EXIT.config, 'the configuration has faults'],
];

/** Ends the command with a message for the person at the terminal. */
export class Failure extends Error {
  readonly exit: ExitCode;
  constructor(exit: ExitCode, message: string) {
    super(message);
    this.exit = exit;
  }
}

/** Exit code and words for whatever was thrown. Never a stack and never a secret: messages of strangers are mapped. */
export function explain(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof ConfigError) return new Failure(EXIT.config, error.message);
  if (error instanceof DirectoryHeld) return new Failure(EXIT.unavailable, held(error));
  const known = knownCause(error);
  if (known !== null) return known;
  if (error instanceof Refusal) return refused(error);
  if (/no key in ENCRYPTION_KEY opens it/.test((error as Error)?.message)) return new Failure(EXIT.config, WRONG_KEY);
  if (/^migration \d+_/.test((error as Error)?.message))
    return new Failure(EXIT.failed, migrationTrouble(error as Error));
  const file = fileTrouble(error as NodeJS.ErrnoException);
  if (file !== null) return new Failure(EXIT.failed, file);
  const { message } = error as Error;
  return new Failure(EXIT.internal, `Something went wrong: ${message ?? String(error)}`);
}

const WRONG_KEY =
  'ENCRYPTION_KEY does not open what the database holds. Set the one that the data was made with; to change it, put the new one in front of it.';

function migrationTrouble({ message, cause }: Error): string {
  return cause instanceof Error ? `The ${message}: ${cause.message}` : `The ${message}.`;
}

const FILE_TROUBLE: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be used by this user',
  EPERM: 'may not be used by this user',
  EROFS: 'is on a file system that cannot be written',
  ENOSPC: 'is on a disk that is full',
  EISDIR: 'is a directory',
  ENOTDIR: 'leads through something that is no directory',
  EEXIST: 'exists already',
};

function fileTrouble({ code = '', path }: NodeJS.ErrnoException): string | null {
  const trouble = FILE_TROUBLE[code];
  return trouble === undefined || path === undefined ? null : `${path} ${trouble}.`;
}

function held(error: DirectoryHeld): string {
  const holder = error.pid === 0 ? 'a process that does not answer yet' : `process ${error.pid}`;
  return `${error.message.replace(/process \d+/, holder)}. Stop it first, or set another DATA_DIR.`;
}

function refused(error: Refusal): Failure {
  const fields = error.options.errors?.map((one) => `${one.field}: ${one.message}`) ?? [];
  const text = error.options.detail ?? (fields.length > 0 ? fields.join('; ') : error.title);
  return new Failure(error.status >= 500 ? EXIT.unavailable : EXIT.failed, text);
}

/** Looks through the causes for one that an operator can mend. */
function knownCause(error: unknown): Failure | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 6; at = at.cause, depth++) {
    const words = wordsFor(at as Error & { code?: string; port?: number; address?: string; hostname?: string });
    if (words !== null) return new Failure(EXIT.unavailable, words);
    if (at instanceof AggregateError && at.errors[0] instanceof Error) return knownCause(at.errors[0]);
  }
  return null;
}

const SQLSTATES: Readonly<Record<string, string>> = {
  '28P01': 'The database refuses the password. Check DATABASE_URL or DB_PASSWORD.',
  '28000': 'The database refuses this user. Check DATABASE_URL or DB_USER, and pg_hba.conf.',
  '3D000': 'The database does not exist. Create it, or check DATABASE_URL or DB_NAME.',
  '42P01': 'The database lacks tables of this version. Run `auth-api migrate up`.',
  '3F000': 'The database lacks the schema of this version. Run `auth-api migrate up`.',
  '42501': 'The database role lacks a right that this takes. `auth-api doctor` names what is missing.',
  '53300': 'The database takes no more connections. Lower DB_POOL_MAX, or raise its max_connections.',
  '57P03': 'The database is starting or stopping. Try again in a moment.',
};

function wordsFor(error: Error & { code?: string; port?: number; address?: string; hostname?: string }): string | null {
  const { code = '', message } = error;
  const where = error.address === undefined ? '' : ` at ${error.address}:${error.port}`;
  if (SQLSTATES[code] !== undefined) return SQLSTATES[code];
  if (code === 'EADDRINUSE') {
    const port = /(?:port |:)(\d+)/.exec(message)?.[1] ?? error.port;
    return `Port ${port} is taken by another program. Set PORT or METRICS_PORT to a free one.`;
  }
  if (code === 'EACCES' && /listen/.test(message))
    return `Listening there is not allowed (${where.trim() || message}). Set PORT above 1023.`;
  if (code === 'EADDRNOTAVAIL') return 'HOST is not an address of this machine.';
  if (code === 'ECONNREFUSED') return `Nothing answers${where}. Is the database running, and DATABASE_URL right?`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `The name ${error.hostname ?? 'of the database'} is unknown. Check DATABASE_URL or DB_HOST.`;
  if (code === 'ETIMEDOUT' || /timeout expired|connection timeout/i.test(message)) {
    return `The database does not answer in time${where}. Check DATABASE_URL, firewalls and the network.`;
  }
  if (/server does not support SSL/i.test(message))
    return 'The database does not speak TLS. Set DB_SSL=false, or switch TLS on there.';
  if (
    /self.signed certificate|unable to (?:verify|get)|certificate/i.test(message) &&
    /^(?:DEPTH|SELF|UNABLE|CERT|ERR_TLS)/.test(code)
  ) {
    return `The certificate of the database cannot be verified (${code}). Set DB_SSL_CA_PATH to its authority.`;
  }
  if (/the server is still starting/.test(message))
    return 'The server that holds the data directory is still starting. Try again in a moment.';
  if (/holds the data directory went away/.test(message))
    return 'The server that holds the data directory went away. Try again.';
  return null;
}
