import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { PostgresDatabase } from '../../config/config.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../clock.ts';
import type { Db } from './db.ts';
import { clientConfig, PATIENT_CONNECT_TIMEOUT_MS } from './postgres.ts';

const FOLDER = new URL('../../../migrations/', import.meta.url);
const LOCK = 7_201_943; // one number for this product's migrations
const LOCK_WAIT_MS = 120_000;

export interface Migration {
  version: number;
  name: string;
  text: string;
  checksum: string;
}

interface Session {
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  script(text: string): Promise<void>;
}

let shipped: readonly Migration[] | undefined;

/** The timeline as shipped, oldest first; read once per process. */
export function readMigrations(): readonly Migration[] {
  shipped ??= readFolder();
  return shipped;
}

function readFolder(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => /^\d{4}_[a-z0-9_]+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const text = readFileSync(new URL(file, FOLDER), 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { version: Number(file.slice(0, 4)), name: file.slice(5, -4), text, checksum };
    });
}

/**
 * Brings the schema up to this program's, one transaction per migration. Processes that start together wait for each
 * other on an advisory lock; a statement that cannot get its table lock within 3 s gives up rather than queue everyone
 * behind it. A database that is ahead of this program is left as it is: the former release runs on the newer schema.
 */
export async function migrate(db: Db, settings: PostgresDatabase | null, clock: Clock): Promise<Migration[]> {
  if (settings === null) return apply({ query: (t, v) => db.query(t, v), script: (t) => db.script(t) }, clock);
  const client = new pg.Client(clientConfig(settings.direct, PATIENT_CONNECT_TIMEOUT_MS));
  client.on('error', () => undefined); // it may break while it asks nothing: the next question says so
  await client.connect();
  try {
    await client.query("SET lock_timeout = '3s'; SET statement_timeout = 0");
    await lock(client, clock);
    return await apply(
      { query: async (t, v) => (await client.query(t, v)).rows, script: async (t) => void (await client.query(t)) },
      clock,
    );
  } catch (error) {
    throw isLockTimeout(error) ? new Refusal('unavailable', { detail: LOCKED, cause: error }) : error;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const LOCKED =
  'The migration gave up: another session has held a lock on a table that it changes for more than 3 seconds. Nothing was changed. Find it in pg_stat_activity, then start again.';

function isLockTimeout(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if ((at as { code?: string }).code === '55P03') return true;
  return false;
}

async function lock(client: pg.Client, clock: Clock): Promise<void> {
  const until = clock.now() + LOCK_WAIT_MS;
  for (;;) {
    const { rows } = await client.query<{ held: boolean }>('SELECT pg_try_advisory_lock($1) AS held', [LOCK]);
    if (rows[0]?.held) return;
    if (clock.now() > until) throw new Error('another process has been migrating this database for two minutes');
    await sleep(100);
  }
}

async function apply(session: Session, clock: Clock): Promise<Migration[]> {
  await session.script(`CREATE SCHEMA IF NOT EXISTS auth;
    CREATE TABLE IF NOT EXISTS auth.migrations (
      version integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL)`);
  const applied = new Map(
    (await session.query('SELECT version, checksum FROM auth.migrations')).map((r) => [r.version, r.checksum]),
  );
  const done: Migration[] = [];
  for (const migration of readMigrations()) {
    const checksum = applied.get(migration.version);
    if (checksum === migration.checksum) continue;
    if (checksum !== undefined) {
      throw new Error(`migration ${migration.version}_${migration.name} was edited after it had been applied`);
    }
    await session.script('BEGIN');
    try {
      await session.script(migration.text);
      await session.query('INSERT INTO auth.migrations VALUES ($1, $2, $3, $4)', [
        migration.version,
        migration.name,
        migration.checksum,
        new Date(clock.now()),
      ]);
      await session.script('COMMIT');
    } catch (error) {
      await session.script('ROLLBACK').catch(() => undefined); // a lost connection has rolled back
      throw new Error(`migration ${migration.version}_${migration.name} failed and was rolled back`, { cause: error });
    }
    done.push(migration);
  }
  return done;
}

/** The versions that this program has and the database lacks. */
export async function pendingMigrations(db: Db): Promise<number[]> {
  const exists = await db.query<{ found: boolean }>("SELECT to_regclass('auth.migrations') IS NOT NULL AS found");
  const rows = exists[0]?.found ? await db.query<{ version: number }>('SELECT version FROM auth.migrations') : [];
  const applied = new Set(rows.map((row) => row.version));
  return readMigrations()
    .map((migration) => migration.version)
    .filter((version) => !applied.has(version));
}
