import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, chownSync, createReadStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../test/run/free-port.ts';
import { findBinaries } from '../test/run/services/binaries.ts';
import { type SystemUser, unprivileged } from '../test/run/services/user.ts';
import { childrenOf } from './cost.ts';

/** PostgreSQL and Redis of the bench's own, on loopback, with the durability that they come with. */
export interface Stores {
  /** The URL of a database of this name, which is made where there is none. */
  databaseUrl(name: string): Promise<string>;
  /**
   * VACUUM ANALYZE of every database that was made in this run. A statement that was prepared while its table was empty
   * reads the whole of it until somebody does this; PostgreSQL does by itself, but only within minutes.
   */
  refreshStatistics(): Promise<void>;
  /** Reads every page of every database, so that the kernel holds what fits: a first look at a page is the disk's cost. */
  readPages(): Promise<void>;
  readonly redisUrl: string;
  /** The server and every process that it has begun; read anew each time, since they come and go. */
  postgresPids(): number[];
  readonly redisPid: number;
  /** For the subjects' logs and data; gone after `stop`. */
  readonly scratch: string;
  readonly versions: { readonly postgres: string; readonly redis: string };
  stop(): Promise<void>;
}

export interface StoresOptions {
  /** Where PostgreSQL's data stay for the next run; without it they end with this one. */
  readonly keep?: string;
}

const START_WITHIN = 60_000;
const WAIT = 50;

export async function startStores({ keep }: StoresOptions = {}): Promise<Stores> {
  const binaries = findBinaries({ servers: true, programs: true, chromium: false, tools: false });
  const user = unprivileged();
  const scratch = mkdtempSync(join(tmpdir(), 'auth-api-bench-'));
  // The servers' user has to get through; what lies inside is its own.
  chmodSync(scratch, 0o711);
  const guard = spawnGuard(scratch);
  const postgres = await startPostgres(binaries.postgres as string, keep ?? join(scratch, 'postgres'), user);
  guard.watch(postgres.pid);
  const redis = await startRedis(binaries.redis as string, join(scratch, 'redis'), user);
  guard.watch(redis.pid);
  return {
    databaseUrl: postgres.databaseUrl,
    refreshStatistics: postgres.refreshStatistics,
    readPages: () => readAll(join(postgres.data, 'base')),
    redisUrl: redis.url,
    postgresPids: () => [postgres.pid, ...childrenOf(postgres.pid)],
    redisPid: redis.pid,
    scratch,
    versions: { postgres: postgres.version, redis: versionOf(binaries.redis as string) },
    async stop() {
      await Promise.all([postgres.stop(), redis.stop()]);
      rmSync(scratch, { recursive: true, force: true });
      guard.release();
    },
  };
}

async function startPostgres(bin: string, folder: string, user: SystemUser | null) {
  ownFolder(folder, user);
  const data = join(folder, 'data');
  const options = { ...user, cwd: folder, env: { ...process.env, LC_ALL: 'C' } };
  const init = ['-D', data, '-U', 'bench', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  if (!existsSync(join(data, 'PG_VERSION'))) execFileSync(join(bin, 'initdb'), init, { ...options, stdio: 'ignore' });
  const port = await freePort();
  // Where it listens and how many may connect: everything else, durability first of all, is as it comes.
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'max_connections=200'];
  const args = ['-D', data, '-p', `${port}`, ...settings.flatMap((setting) => ['-c', setting])];
  const child = spawn(join(bin, 'postgres'), args, { ...options, detached: true, stdio: 'ignore' });
  const made = new Set<string>();
  const urlOf = (name: string): string => `postgres://bench@127.0.0.1:${port}/${name}`;
  await until('PostgreSQL', child, () => query(urlOf('postgres'), 'SELECT 1'));
  // Of kept data, the populations: whatever else a former run has made is made anew.
  const left =
    "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' AND datname NOT LIKE 'growth%'";
  for (const { datname } of (await query(urlOf('postgres'), left)).rows) {
    await query(urlOf('postgres'), `DROP DATABASE "${datname}"`);
  }
  return {
    pid: child.pid as number,
    data,
    version: versionOf(join(bin, 'postgres')),
    async databaseUrl(name: string): Promise<string> {
      const found = await query(urlOf('postgres'), `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
      if (found.rowCount === 0) {
        await query(urlOf('postgres'), `CREATE DATABASE "${name}"`);
        made.add(name);
      }
      return urlOf(name);
    },
    async refreshStatistics(): Promise<void> {
      for (const name of made) await query(urlOf(name), 'VACUUM ANALYZE');
    },
    // A fast stop, not an immediate one: kept data are whole without a recovery.
    stop: () => ended(child, 'SIGINT'),
  };
}

const CHUNK = 1 << 20;

async function readAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const stream = createReadStream(join(entry.parentPath, entry.name), { highWaterMark: CHUNK });
    stream.resume();
    await once(stream, 'end');
  }
}

async function startRedis(program: string, folder: string, user: SystemUser | null) {
  ownFolder(folder, user);
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder];
  const child = spawn(program, args, { ...user, cwd: folder, detached: true, stdio: 'ignore' });
  await until('Redis', child, async () => execFileSync(cliOf(program), ['-p', `${port}`, 'ping'], { stdio: 'ignore' }));
  return {
    pid: child.pid as number,
    url: `redis://127.0.0.1:${port}/0`,
    stop: () => ended(child, 'SIGKILL'),
  };
}

const cliOf = (server: string): string => server.replace(/-server$/, '-cli');

/** One statement on a connection of its own. */
export async function query(url: string, text: string, values: unknown[] = []): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.query(text, values);
  } finally {
    await client.end();
  }
}

async function until(name: string, child: ChildProcess, works: () => Promise<unknown>): Promise<void> {
  const end = performance.now() + START_WITHIN;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with exit code ${child.exitCode}`);
    const fault = await works().then(
      () => null,
      (error: Error) => error,
    );
    if (fault === null) return;
    if (performance.now() > end) throw new Error(`${name} did not start: ${fault.message}`);
    await sleep(WAIT);
  }
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill(signal);
  await over;
}

function ownFolder(path: string, user: SystemUser | null): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (user) chownSync(path, user.uid, user.gid);
}

function versionOf(program: string): string {
  return /\d+(\.\d+)+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown';
}

/** A value that looks random and is the same in every run. */
export function seeded(seed: string): Buffer {
  return createHash('sha256').update(`auth-api bench: ${seed}`).digest();
}

/** A shell that outlives this process however it ends, and then stops the stores; kept data are left to recover. */
function spawnGuard(folder: string): { watch: (pid: number) => void; release: () => void } {
  const script =
    'pids=; while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill -INT $pids; sleep 3; rm -rf "$1"';
  const child = spawn('/bin/sh', ['-c', script, 'guard', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  return { watch: (pid) => void child.stdin.write(`${pid}\n`), release: () => void child.kill('SIGKILL') };
}
