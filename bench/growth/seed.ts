import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { createSigner } from '../../server/src/core/audit/signer.ts';
import { createEncryption } from '../../server/src/platform/encryption.ts';
import { ROOT, say } from '../ground.ts';
import { storedHash } from '../place.ts';
import { query } from '../stores.ts';
import { type Population, readPopulation } from './population.ts';

export interface Size {
  readonly users: number;
  readonly lines: number;
}

const DAY = 24 * 3600_000;
/** Sessions of the population live for months; its access tokens and devices are made for a fresh one. */
const FRESH = 20 * 24 * 3600;
const PORTION = 250_000;

/** A database with this many people and audit lines: the one that is there, where it is of this size and not too old. */
export async function populate(url: string, size: Size, env: Readonly<Record<string, string>>): Promise<Population> {
  const found = await readPopulation(url);
  const isFit = found?.isWhole === true && found.users === size.users && found.lines === size.lines;
  if (found !== null && isFit && found.age < FRESH) {
    say(`growth: the database of ${size.users} users is there already`);
    return found;
  }
  if (found !== null) await query(url, 'DROP SCHEMA IF EXISTS auth, audit, bench CASCADE');
  const main = join(ROOT, 'server', 'src', 'cli', 'main.ts');
  await promisify(execFile)(process.execPath, [main, 'migrate', 'up'], {
    env: { PATH: process.env.PATH, PUBLIC_URL: 'http://localhost:3000', ...env },
  });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    // Only here, and no trigger or foreign key: what is written is known to fit.
    await client.query(
      "SET synchronous_commit = off; SET session_replication_role = replica; SET maintenance_work_mem = '512MB'",
    );
    await write(client, size, env);
  } finally {
    await client.end();
  }
  return (await readPopulation(url)) as Population;
}

async function write(client: pg.Client, { users, lines }: Size, env: Readonly<Record<string, string>>): Promise<void> {
  const base = Math.floor((Date.now() - 301 * DAY) / 1000) * 1000;
  const values: Record<string, string> = {
    users: `${users}`,
    lines: `${lines}`,
    base: `'${new Date(base).toISOString()}'`,
    password_hash: `'${await storedHash()}'`,
  };
  const text = readFileSync(new URL('seed.sql', import.meta.url), 'utf8');
  await client.query(
    text.replaceAll(/(?<!:):(users|lines|base|password_hash)\b/g, (_, name: string) => values[name] ?? ''),
  );
  say(`growth: ${users} users, their devices and sessions`);
  await client.query('CALL bench.people()');
  await client.query('SELECT audit.ensure_partitions($1, 13)', [new Date(base)]);
  const indexes = await takeIndexes(client);
  for (let first = 1; first <= lines; first += PORTION) {
    const last = Math.min(lines, first + PORTION - 1);
    await client.query(`CALL bench.write_lines(${first}, ${last})`);
    say(`growth: ${last} of ${lines} audit lines`);
  }
  await client.query('CALL bench.write_checkpoints()');
  await signEnd(client, env.ENCRYPTION_KEY as string);
  for (const [index, definition] of indexes.entries()) {
    say(`growth: index ${index + 1} of ${indexes.length} of the audit lines`);
    await client.query(definition);
  }
  say('growth: VACUUM ANALYZE');
  await client.query('VACUUM (ANALYZE)');
  await client.query('CHECKPOINT');
  await client.query('UPDATE bench.population SET is_whole = true');
}

/** Indexes are made faster when the rows are there. */
async function takeIndexes(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
      WHERE schemaname = 'audit' AND tablename = 'events' AND indexdef NOT LIKE '%UNIQUE%'`,
  );
  for (const { name } of rows) await client.query(`DROP INDEX audit.${name}`);
  return rows.map(({ definition }) => definition.replace(' ON ONLY ', ' ON '));
}

/** The server goes on only from an end that it has signed. */
async function signEnd(client: pg.Client, encryptionKey: string): Promise<void> {
  const { rows } = await client.query<{ seq: string; hash: Buffer; prev: Buffer; at: Date }>(
    `SELECT e.seq, e.hash, bench.digest('chain' || e.seq - 100) AS prev, e.sealed_at AS at
       FROM audit.events e ORDER BY e.seq DESC LIMIT 1`,
  );
  const [{ seq, hash, prev, at }] = rows as [(typeof rows)[0] & object];
  const signer = createSigner(createEncryption([Buffer.from(encryptionKey, 'base64')]));
  const end = signer.signCheckpoint({ first_seq: Number(seq) - 99, prev_hash: prev, seq: Number(seq), hash, at });
  await client.query(
    `INSERT INTO audit.checkpoints (first_seq, prev_hash, seq, hash, at, key_id, signature)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [end.first_seq, end.prev_hash, end.seq, end.hash, end.at, end.key_id, end.signature],
  );
}
