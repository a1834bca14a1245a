import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { PostgresDatabase } from '../../config/config.ts';
import {
  type Check,
  examine,
  isSameDatabase,
  type Manifest,
  parseManifest,
  recordProof,
} from '../../core/backup/index.ts';
import { type Db, openDatabase } from '../../platform/db/index.ts';
import { command, json } from '../command.ts';
import { targetOf } from '../data/move.ts';
import { EXIT, Failure } from '../failure.ts';
import { type Ground, onGround } from '../ground.ts';
import { print, printJson } from '../output.ts';
import { readSecret } from '../users/secret.ts';
import { requirePostgres } from './requirement.ts';
import type { Credentials } from './sign-in.ts';

export const prove = command({
  summary: 'Examine a restored database, sign in to it, and record what came of it.',
  about:
    'Looks at a database that restore-db.sh has made: schema, rows, signing keys (ENCRYPTION_KEY opens them), stored passwords,\nthe audit chain. Then a server is started over it, for this command alone and without its background work: a session of the backup\nand a new account are tried there. The result is recorded in the database of the settings, with an audit line.\nThe restored database is written to by that: drop it afterwards, or say --read-only. Exit code 1 where a check fails.',
  examples: [
    'auth-api backup prove --database=auth_db_drill_20260131 --manifest=/backups/latest/manifest.json',
    'auth-api backup prove --url=- --manifest=manifest.json < url.txt',
  ],
  args: {
    manifest: {
      type: 'string',
      description: 'The manifest.json of the backup; - reads it from standard input.',
      required: true,
      valueHint: 'file',
    },
    database: {
      type: 'string',
      description: 'The restored database, on the server of the settings.',
      valueHint: 'name',
    },
    url: {
      type: 'string',
      description: 'The restored database elsewhere; - reads it from standard input, where no process list shows it.',
    },
    canary: { type: 'string', description: 'The address of an account that signs in, too.', valueHint: 'email' },
    'canary-password-file': { type: 'string', description: 'The file with its password.', valueHint: 'file' },
    'read-only': { type: 'boolean', description: 'Change nothing in the restored database: no sign-in is tried.' },
    unrecorded: { type: 'boolean', description: 'Record nothing.' },
    json,
  },
  async run({ args }) {
    if ((args.database === undefined) === (args.url === undefined))
      throw new Failure(EXIT.usage, 'Say where the restored database is: --database=NAME or --url=URL.');
    if (args.manifest === '-' && args.url === '-')
      throw new Failure(EXIT.usage, 'Standard input holds one thing: --manifest=- or --url=-.');
    const canary = await canaryOf(args.canary, args['canary-password-file']);
    const manifest = await manifestOf(args.manifest);
    const elsewhere =
      args.url === undefined ? null : await targetOf(args.url === '-' ? await readSecret('URL: ') : args.url, '--url');
    await onGround({ command: 'backup prove' }, async (ground) => {
      requirePostgres(ground);
      const target = elsewhere ?? besides(ground.config.database as PostgresDatabase, args.database ?? '');
      const checks = await look(ground, target, manifest, { canary, isReadOnly: args['read-only'] === true });
      const ok = checks.every((one) => one.ok);
      const { clock, unit, line } = ground;
      const recorded = args.unrecorded ? null : await recordProof(unit, { manifest, checks, now: clock.now() }, line);
      if (args.json)
        printJson({ ok, backup: manifest.name, as_of: manifest.asOf, recorded: recorded?.at ?? null, checks });
      else tell(manifest, checks, recorded !== null);
      if (!ok) process.exitCode = EXIT.failed;
    });
  },
});

async function look(
  { config, clock, db: live, encryption }: Ground,
  target: PostgresDatabase,
  manifest: Manifest,
  { canary, isReadOnly }: { canary: Credentials | null; isReadOnly: boolean },
): Promise<Check[]> {
  const db: Db = await openDatabase({ database: target, DATA_DIR: config.DATA_DIR }, 'command', () => undefined);
  try {
    if (!isReadOnly && (await isSameDatabase(live, db)))
      throw new Failure(
        EXIT.usage,
        'That is the live database. Restore the backup into another one first; deploy/restore-drill.sh does all of it.',
      );
    const checks = await examine({ db, encryption, clock, config, manifest });
    if (isReadOnly || checks.some((one) => !one.ok)) return checks;
    const { signInChecks } = await import('./sign-in.ts');
    return [...checks, ...(await signInChecks(config, target, canary))];
  } finally {
    await db.close().catch(() => undefined);
  }
}

/** Past any pooler, which knows the live database only. */
function besides({ direct, ...settings }: PostgresDatabase, database: string): PostgresDatabase {
  const connection = { ...direct, database };
  return { ...settings, connection, direct: connection };
}

async function manifestOf(path: string): Promise<Manifest> {
  const content = path === '-' ? await text(process.stdin) : await readFile(path, 'utf8');
  const manifest = parseManifest(content);
  if (manifest === null)
    throw new Failure(EXIT.data, `${path === '-' ? 'Standard input' : path} is no manifest of backup-db.sh.`);
  return manifest;
}

async function canaryOf(email: string | undefined, file: string | undefined): Promise<Credentials | null> {
  if ((email === undefined) !== (file === undefined))
    throw new Failure(EXIT.usage, '--canary and --canary-password-file belong together.');
  if (email === undefined || file === undefined) return null;
  return { email, password: (await readFile(file, 'utf8')).replace(/\r?\n$/, '') };
}

function tell(manifest: Manifest, checks: readonly Check[], isRecorded: boolean): void {
  for (const { name, ok, detail } of checks) print(`${ok ? 'ok  ' : 'fail'}  ${name.padEnd(9)}  ${detail}`);
  const failed = checks.filter((one) => !one.ok).length;
  const verdict =
    failed === 0 ? 'can be restored' : `could not be restored: ${failed} of ${checks.length} checks failed`;
  print(`\n${manifest.name}, as of ${manifest.asOf.toISOString()}, ${verdict}${isRecorded ? '; recorded' : ''}.`);
}
