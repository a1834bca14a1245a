import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import pg from 'pg';
import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { type Db, migrate, openEmbedded, readMigrations } from '../src/platform/db/index.ts';
import { openPostgres } from '../src/platform/db/postgres.ts';

/** A clock that runs like the real one, and that a test can move. */
export interface TestClock {
  now(): number;
  advance(seconds: number): void;
}

export function testClock(): TestClock {
  let shift = 0;
  return {
    now: () => Date.now() + shift,
    advance(seconds) {
      shift += seconds * 1000;
    },
  };
}

export const isEmbedded = process.env.TEST_ENGINE === 'embedded';

// Registered while the file is loaded, so that it runs after the file's last test, whoever started the server.
export const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const secret = (): string => randomBytes(48).toString('base64url');
const secrets = {
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  JWT_REFRESH_SECRET: secret(),
  SESSION_SECRET: secret(),
  CSRF_SECRET: secret(),
};

/** A configuration as the server would read it, with limits that do not get in the way. */
export async function testConfig(env: Record<string, string> = {}): Promise<Config> {
  const cwd = mkdtempSync(join(tmpdir(), 'auth-api-test-'));
  closers.push(async () => rmSync(cwd, { recursive: true, force: true }));
  const { config } = await loadConfig({
    env: {
      NODE_ENV: 'test',
      PORT: '0',
      METRICS_PORT: '0',
      HOST: '127.0.0.1',
      PUBLIC_URL: 'http://localhost:3000',
      LOG_LEVEL: 'silent',
      LOG_FORMAT: 'json',
      RATE_LIMIT_MAX: '1000000',
      RATE_LIMIT_LOGIN: '1000000/60',
      RATE_LIMIT_USER: '1000000/60',
      ...secrets,
      ...env,
    },
    cwd,
    clock: { now: () => Date.now() },
    resolveSecret: async () => {
      throw new Error('tests use no secret store here');
    },
  });
  return config;
}

/** An empty database of its own on the engine that this run is about, migrated. */
export async function testDatabase(): Promise<{ db: Db; settings: Config['database']; drop(): Promise<void> }> {
  if (isEmbedded) {
    const db = await embeddedDatabase();
    return { db, settings: { kind: 'embedded', directory: '' }, drop: async () => undefined };
  }
  const url = process.env.TEST_DATABASE_URL;
  if (!url) throw new Error('TEST_DATABASE_URL is not set: run the tests with `npm test`');
  const name = `t_${randomBytes(8).toString('hex')}`;
  await onServer(url, `CREATE DATABASE ${name}`);
  const parts = new URL(url);
  const connection = {
    host: parts.hostname,
    port: Number(parts.port || 5432),
    database: name,
    user: decodeURIComponent(parts.username),
    password: decodeURIComponent(parts.password),
    tls: false as const,
  };
  const settings = { kind: 'postgres' as const, connection, direct: connection, poolMin: 0, poolMax: 10 };
  const db = openPostgres(settings, () => undefined);
  const drop = async () => onServer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { db, settings, drop };
}

/** One of its own in memory, migrated: to open a copy takes a third of what making one does. */
export async function embeddedDatabase(): Promise<Db> {
  return openEmbedded(null, await embeddedTemplate());
}

/** A migrated embedded database as a file, made by whichever test file of the machine needs it first. */
async function embeddedTemplate(): Promise<Blob> {
  const state = readMigrations().map((one) => one.checksum);
  const name = `auth-api-template-${process.getuid?.() ?? 0}-${createHash('sha256').update(state.join()).digest('hex').slice(0, 16)}.tar`;
  const path = join(tmpdir(), name);
  if (!existsSync(path)) {
    const db = await openEmbedded(null);
    await migrate(db, null, testClock());
    const own = `${path}.${process.pid}`;
    writeFileSync(own, Buffer.from(await (await db.dump()).arrayBuffer()));
    renameSync(own, path);
    await db.close();
  }
  return new Blob([readFileSync(path)]);
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
