import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createPasswords } from '../../core/passwords/index.ts';
import {
  type FirebaseParameters,
  type ImportProgress,
  type ImportResult,
  importUsers,
  type LineFault,
} from '../../core/user-transfer/index.ts';
import { linesOf } from '../../lib/lines.ts';
import { Refusal } from '../../lib/refusal.ts';
import { command, json } from '../command.ts';
import { EXIT, Failure } from '../failure.ts';
import { type Ground, onGround } from '../ground.ts';
import { note, print, printJson } from '../output.ts';
import { createProgress } from '../progress.ts';

const SHOWN_FAULTS = 50;

export const importCommand = command({
  summary: 'Import accounts from NDJSON or CSV; bad lines are named by number, the rest is imported.',
  about:
    'Fields: email, name, picture, locale, email_verified, roles, disabled, created_at, id, and password_hash or password.\nCSV needs a first line that names its columns. Hashes: argon2, bcrypt, scrypt, firebase-scrypt, pbkdf2 as documented;\nlines as Auth0, Keycloak (`jq -c .users[]`) and Firebase (`jq -c .users[]`, with --firebase) export them are understood.\nWho is here already is skipped, so that an import that was cut off is simply run again. Nobody is sent a mail.\nExit code 65 where a line was bad.',
  examples: [
    'auth-api users import users.csv --dry-run',
    'auth-api users import users.ndjson --strict',
    'zcat users.ndjson.gz | auth-api users import - --format=ndjson --json',
  ],
  args: {
    file: { type: 'positional', description: 'The file, or - for standard input.', required: true },
    format: { type: 'enum', options: ['ndjson', 'csv'], description: 'The form; otherwise by the name of the file.' },
    'dry-run': { type: 'boolean', description: 'Check every line and write nothing.' },
    strict: { type: 'boolean', description: 'Import nothing where any line is bad.' },
    firebase: {
      type: 'string',
      description: 'The hash parameters of the Firebase project, as JSON.',
      valueHint: 'file',
    },
    json,
  },
  run: ({ args }) => onGround({ command: 'users import' }, (ground) => run(ground, args)),
});

interface Args {
  file: string;
  format?: string | undefined;
  'dry-run'?: boolean | undefined;
  strict?: boolean | undefined;
  firebase?: string | undefined;
  json?: boolean | undefined;
}

async function run({ db, unit, config, clock, by, line }: Ground, args: Args): Promise<void> {
  const { bytes, size, read } = openInput(args.file);
  // Nobody waits in this process but this import: no line is refused because others stand before it.
  const passwords = createPasswords({ config: { ...config, HASH_QUEUE: 1000 } });
  const progress = createProgress(size);
  const firebase = args.firebase === undefined ? undefined : readFirebase(args.firebase);
  const { actor, detail } = line({ action: 'user.imported' });
  const started = clock.now();
  const result = await importUsers({ db, unit, passwords, clock }, linesOf(bytes), {
    format: formatOf(args),
    dryRun: args['dry-run'] === true,
    strict: args.strict === true,
    actor,
    origin: by.origin,
    ...(detail && { detail }),
    ...(firebase && { firebase }),
    onProgress: (state: ImportProgress) => progress.show(state, read()),
    onFault: (fault) => (args.json ? undefined : progress.aside(faultText(fault), SHOWN_FAULTS)),
  }).catch((error: unknown) => {
    progress.end();
    // The head of a CSV: nothing in the file can be read without it.
    if (error instanceof Refusal && error.code === 'validation_failed') throw new Failure(EXIT.data, error.message);
    throw error;
  });
  progress.end();
  report(result, args, (clock.now() - started) / 1000);
  if (result.failed > 0) process.exitCode = EXIT.data;
}

function report(result: ImportResult, args: Args, seconds: number): void {
  const { imported, skipped, failed, errors } = result;
  if (args.json) {
    printJson({ dry_run: args['dry-run'] === true, imported, skipped, failed, errors });
    return;
  }
  if (failed > SHOWN_FAULTS) note(`… and ${failed - SHOWN_FAULTS} more bad lines (--json lists a thousand)`);
  const verb = args['dry-run'] ? 'would be imported' : 'imported';
  print(`${imported} ${verb}, ${skipped} skipped (here already), ${failed} bad lines, in ${seconds.toFixed(1)} s`);
  if (args.strict && failed > 0) note('Nothing was imported: --strict, and not every line is good.');
}

function faultText({ line, field, message }: LineFault): string {
  return `line ${line}: ${field === undefined ? '' : `${field} `}${message}`;
}

function openInput(file: string): { bytes: AsyncIterable<Uint8Array>; size: number | null; read(): number } {
  if (file === '-') {
    if (process.stdin.isTTY === true)
      throw new Failure(EXIT.usage, 'Standard input is a terminal: pipe the file in, or name it.');
    return { bytes: process.stdin, size: null, read: () => 0 };
  }
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new Failure(EXIT.data, `There is no file ${file}.`);
  if (found.isDirectory()) throw new Failure(EXIT.data, `${file} is a directory.`);
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  return { bytes: stream, size: found.isFile() ? found.size : null, read: () => stream.bytesRead };
}

function formatOf({ format, file }: Args): 'ndjson' | 'csv' {
  if (format !== undefined) return format as 'ndjson' | 'csv';
  if (/\.csv$/i.test(file)) return 'csv';
  if (/\.(?:ndjson|jsonl)$/i.test(file)) return 'ndjson';
  throw new Failure(EXIT.usage, 'The name of the file does not tell its form: say --format=ndjson or --format=csv.');
}

/** `hash_config` as Firebase's console shows it, in JSON; its colon form is no JSON, so the names are told. */
function readFirebase(file: string): FirebaseParameters {
  const expected = 'a JSON object with base64_signer_key, base64_salt_separator, rounds and mem_cost';
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch {
    throw new Failure(EXIT.data, `${file} cannot be read as ${expected}.`);
  }
  const { base64_signer_key: signerKey, base64_salt_separator: saltSeparator, rounds, mem_cost: memCost } = value;
  if (typeof signerKey !== 'string' || typeof saltSeparator !== 'string')
    throw new Failure(EXIT.data, `${file} is not ${expected}.`);
  return { signerKey, saltSeparator, rounds: Number(rounds), memCost: Number(memCost) };
}
