import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Db, openEmbedded } from '../../platform/db/index.ts';
import { openPostgres } from '../../platform/db/postgres.ts';
import { createEncryption } from '../../platform/encryption.ts';
import type { AuditEvent } from './event.ts';
import { recordAudit } from './record.ts';
import { type AuditLog, createSealer, type Sealer } from './sealer.ts';

export const MIGRATION = readFileSync(new URL('../../../migrations/0002_audit.sql', import.meta.url), 'utf8');
export const START = Date.UTC(2026, 10, 10, 12);
export const KEY = Buffer.alloc(32, 7);
export const encryption = createEncryption([KEY]);

export interface Ground {
  name: 'postgres' | 'embedded';
  db: Db;
  /** Another pool on the same database, as another process has; the same one where the engine is in this process. */
  other: Db;
  url: string | null;
  close(): Promise<void>;
}

function connect(url: URL, database: string): Db {
  const connection = {
    host: url.hostname,
    port: Number(url.port || 5432),
    database,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    tls: false as const,
  };
  return openPostgres({ kind: 'postgres', connection, direct: connection, poolMin: 0, poolMax: 4 }, () => {});
}

export async function openGround(name: Ground['name']): Promise<Ground> {
  if (name === 'embedded') {
    const db = await openEmbedded(null);
    return { name, db, other: db, url: null, close: () => db.close() };
  }
  const text = process.env.TEST_DATABASE_URL;
  if (text === undefined)
    throw new Error('set TEST_DATABASE_URL, or use npm test, which starts a PostgreSQL of its own');
  const url = new URL(text);
  const admin = connect(url, url.pathname.slice(1) || 'postgres');
  const database = `audit_${randomBytes(6).toString('hex')}`;
  await admin.script(`CREATE DATABASE ${database}`);
  const [db, other] = [connect(url, database), connect(url, database)];
  url.pathname = `/${database}`;
  return {
    name,
    db,
    other,
    url: url.href,
    async close() {
      await db.close();
      await other.close();
      await admin.script(`DROP DATABASE ${database} WITH (FORCE)`);
      await admin.close();
    },
  };
}

/** A schema as the migration leaves it, a clock that tests move, a log that they read. */
export interface Scene {
  db: Db;
  clock: { now(): number; time: number };
  log: AuditLog;
  logged: { level: string; message: string; fields: Record<string, unknown> }[];
  sealer: Sealer;
  newSealer(db?: Db, keys?: Buffer[]): Sealer;
  /** Writes lines and seals each group as one batch. */
  write(...groups: Partial<AuditEvent>[][]): Promise<void>;
  /** As a superuser: triggers do not fire. */
  tamper(...statements: string[]): Promise<void>;
}

export async function openScene({ db }: Pick<Ground, 'db'>): Promise<Scene> {
  await db.script(`DROP SCHEMA IF EXISTS audit CASCADE; ${MIGRATION}`);
  const clock = { time: START, now: () => clock.time };
  const logged: Scene['logged'] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, message, fields: fields as Record<string, unknown> });
  const log = { info: note('info'), error: note('error') };
  const newSealer = (on: Db = db, keys: Buffer[] = [KEY]): Sealer =>
    createSealer({ db: on, encryption: createEncryption(keys), clock, log });
  const sealer = newSealer();
  return {
    db,
    clock,
    log,
    logged,
    sealer,
    newSealer,
    async write(...groups) {
      for (const group of groups) {
        await recordAudit(
          db,
          encryption,
          group.map((fields) => event({ ...fields }, clock.time)),
        );
        await sealer.sealNow();
        clock.time += 1000;
      }
    },
    tamper: (...statements) =>
      db.transaction(async (tx) => {
        await tx.execute('SET LOCAL session_replication_role = replica');
        for (const statement of statements) await tx.execute(statement);
      }),
  };
}

export function event(fields: Partial<AuditEvent> = {}, now = START): AuditEvent {
  return {
    action: 'session.login',
    outcome: 'success',
    actor: { type: 'anonymous' },
    origin: { requestId: 'req-1', address: '203.0.113.9', userAgent: 'Browser/1', now },
    ...fields,
  };
}

export const ALICE = '019a0000-0000-7000-8000-00000000000a';
export const BOB = '019a0000-0000-7000-8000-00000000000b';

export function by(user: string, fields: Partial<AuditEvent> = {}): Partial<AuditEvent> {
  return { actor: { type: 'user', id: user }, subject: user, ...fields };
}
