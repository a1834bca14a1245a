import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '../jobs.ts';
import { say } from '../report.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { startPostgres, startRedis } from './servers.ts';
import { unprivileged } from './user.ts';

export interface Services {
  /** What the tests are told: where the servers are, and where the programs are to start others. */
  readonly env: Record<string, string>;
  stop(): Promise<void>;
}

/** The servers that these jobs need: those that the environment names, else private ones that end with the run. */
export async function startServices(jobs: readonly Job[]): Promise<Services> {
  const needs = {
    servers: jobs.some((job) => job.needs.servers),
    programs: jobs.some((job) => job.needs.programs),
    chromium: jobs.some((job) => job.needs.chromium),
    tools: jobs.some((job) => job.needs.tools),
  };
  const binaries = findBinaries(needs);
  const env: Record<string, string> = { ...(binaries.chromium ? { TEST_CHROMIUM: binaries.chromium } : {}) };
  if (binaries.postgres) env.TEST_PG_BIN = binaries.postgres;
  if (binaries.redis) env.TEST_REDIS_SERVER = binaries.redis;
  if (!needs.servers) return { env, stop: async () => {} };
  const own = await startOwn(binaries);
  return { env: { ...env, ...own.env }, stop: own.stop };
}

async function startOwn(binaries: Binaries): Promise<Services> {
  const given = { TEST_DATABASE_URL: process.env.TEST_DATABASE_URL, TEST_REDIS_URL: process.env.TEST_REDIS_URL };
  for (const [name, url] of Object.entries(given)) if (url) await mustAnswer(name, url);
  const user = unprivileged();
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-test-'));
  // The servers' user has to get through; what lies inside is its own.
  chmodSync(folder, 0o711);
  const guard = spawnGuard(folder);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    await Promise.all(stops.map((stopServer) => stopServer()));
    rmSync(folder, { recursive: true, force: true });
    guard.release();
  };
  try {
    const env: Record<string, string> = {};
    if (!given.TEST_DATABASE_URL) {
      const server = await startPostgres(binaries.postgres as string, join(folder, 'postgres'), user, guard.watch);
      stops.push(server.stop);
      env.TEST_DATABASE_URL = server.url;
    }
    if (!given.TEST_REDIS_URL) {
      const server = await startRedis(binaries.redis as string, join(folder, 'redis'), user, guard.watch);
      stops.push(server.stop);
      env.TEST_REDIS_URL = server.url;
    }
    return { env, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * A shell that waits for the end of its input, which comes when this process ends in any way, SIGKILL included; then it
 * stops the servers and removes their folder. It reads their process ids from the same pipe.
 */
function spawnGuard(folder: string): { watch: (pid: number) => void; release: () => void } {
  const script =
    'pids=; while read -r pid; do pids="$pids $pid"; done; [ -z "$pids" ] || kill -KILL $pids; sleep 1; rm -rf "$1"';
  const child = spawn('/bin/sh', ['-c', script, 'guard', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  return {
    watch: (pid) => void child.stdin.write(`${pid}\n`),
    release: () => void child.kill('SIGKILL'),
  };
}

async function mustAnswer(name: string, url: string): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const target = { host: hostname || '127.0.0.1', port: Number(port) || (protocol.startsWith('redis') ? 6379 : 5432) };
  await new Promise<void>((resolve, reject) => {
    const socket = connect(target);
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer within 5 s')));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error) =>
      reject(new Error(`${name} names ${target.host}:${target.port}, which does not answer: ${error.message}`)),
    );
  });
  say(`Using ${name}: ${target.host}:${target.port}`);
}
