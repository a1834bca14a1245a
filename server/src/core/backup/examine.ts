import { createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Db, pendingMigrations } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import { verifyChain } from '../audit/index.ts';
import { createKeys } from '../keys/index.ts';
import { inspectHash } from '../passwords/index.ts';
import { type Check, check } from './check.ts';
import type { Manifest } from './manifest.ts';
import { countRows, someHashes } from './store.ts';

interface Deps {
  /** The restored database. */
  db: Db;
  encryption: Encryption;
  clock: Clock;
  config: Pick<Config, 'jwtKeys' | 'JWT_EXPIRES_IN'>;
  manifest: Manifest;
}

const HASHES = 1000;
// More cannot be counted within the time that one statement has; restore-db.sh has compared every table, row by row.
const COUNTED_ROWS = 1_000_000;

/** Looks at a restored database without changing it: is it what was backed up, and can this installation use it? */
export async function examine(deps: Deps): Promise<Check[]> {
  const schema = await check('schema', () => schemaFits(deps));
  if (!schema.ok) return [schema];
  return [
    schema,
    await check('rows', () => rowsAgree(deps)),
    await check('keys', () => keysSign(deps)),
    await check('passwords', () => hashesCanBeRead(deps)),
    await check('audit', () => chainIsWhole(deps)),
  ];
}

async function schemaFits({ db, manifest }: Deps): Promise<string> {
  const pending = await pendingMigrations(db);
  if (pending.length > 0)
    throw new Error(
      `the backup is of schema ${manifest.schemaVersion}; it lacks ${pending.join(', ')} of this version: take the program of that time, or run \`auth-api migrate up\` against the restored database first`,
    );
  return `version ${manifest.schemaVersion}`;
}

async function rowsAgree({ db, manifest }: Deps): Promise<string> {
  const tables = manifest.tables.filter(({ rows }) => rows <= COUNTED_ROWS);
  const counts = await countRows(
    db,
    tables.map(({ table }) => table),
  );
  const wrong = tables.filter(({ table, rows }) => counts.get(table) !== rows);
  if (wrong.length > 0)
    throw new Error(
      wrong
        .slice(0, 5)
        .map(({ table, rows }) => `${table} has ${counts.get(table) ?? 'no'} rows, the backup ${rows}`)
        .join('; '),
    );
  const sum = tables.reduce((total, { rows }) => total + rows, 0);
  return `${sum} in ${tables.length} of ${manifest.tables.length} tables, as in the backup`;
}

/** That ENCRYPTION_KEY opens them is the half; that they are the ones that were published is the other. */
async function keysSign({ db, encryption, clock, config }: Deps): Promise<string> {
  const keys = createKeys({
    db,
    encryption,
    clock,
    config,
    changes: { announce: () => undefined, onChange: () => undefined },
  });
  if (!keys.managed) return 'your own, from the settings';
  await keys.reload();
  const all = keys.verifiers();
  if (all.length === 0) throw new Error('there is none in the backup');
  const published = new Map(keys.jwks().keys.map((jwk) => [jwk.kid, jwk]));
  for (const { kid, signWith } of all) {
    const text = randomBytes(32);
    const key = createPublicKey({ key: published.get(kid) as never, format: 'jwk' });
    if (!verify(null, text, key, sign(null, text, signWith)))
      throw new Error(`${kid} does not sign what its published half verifies`);
  }
  return `${all.length} open with ENCRYPTION_KEY, ${keys.signer().kid.slice(0, 12)}… signs`;
}

async function hashesCanBeRead({ db }: Deps): Promise<string> {
  const hashes = await someHashes(db, HASHES);
  const bad = hashes.filter((hash) => !inspectHash(hash).ok).length;
  if (bad > 0) throw new Error(`${bad} of the newest ${hashes.length} stored passwords cannot be read`);
  return `the newest ${hashes.length} can be verified here`;
}

// Lines that still wait are part of what was backed up, however long the servers had stood still then: late from no time on.
async function chainIsWhole({ db, encryption }: Deps): Promise<string> {
  const report = await verifyChain(db, encryption, { now: 0 });
  const [first] = report.faults;
  if (first !== undefined)
    throw new Error(`faults: ${report.faultCount}, the first: ${first.kind} at ${first.seq ?? '?'} (${first.detail})`);
  return `${report.lines} lines, whole up to ${report.head.seq}; ${report.unsealed} waited for their seal`;
}
