import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { after } from 'node:test';
import type { RedisSettings } from '../../config/config.ts';
import { createLog } from '../log.ts';
import { type Cache, redisCache } from './index.ts';

/** What the tests of the cache share: private Redis servers, a cache with its log, and waiting. */
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function until(what: string, isTrue: () => boolean | Promise<boolean>, ms = 8000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await isTrue())) {
    if (performance.now() > end) assert.fail(`still not: ${what}`);
    await sleep(10);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

export async function redisServer(port: number, ...options: string[]): Promise<ChildProcess> {
  const binary = process.env.TEST_REDIS_SERVER ?? 'redis-server';
  const child = spawn(
    binary,
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...options],
    { stdio: 'ignore' },
  );
  running.add(child);
  await until(
    'Redis listens',
    () =>
      new Promise((resolve) => {
        const socket = connect(port, '127.0.0.1', () => resolve(true));
        socket.on('connect', () => socket.destroy()).on('error', () => resolve(false));
      }),
  );
  return child;
}

export async function stopped(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  child.kill(signal);
  await once(child, 'exit');
  running.delete(child);
}

export function opened(port: number, more: Partial<RedisSettings> = {}) {
  const stdout = new PassThrough();
  let said = '';
  stdout.on('data', (data) => {
    said += data;
  });
  const { log } = createLog({
    config: { LOG_LEVEL: 'info', LOG_FORMAT: 'json', LOG_FILE: null, LOG_MAX_SIZE: 1e7, LOG_MAX_FILES: 1 },
    stdout,
  });
  const cache = redisCache({ host: '127.0.0.1', port, database: 0, tls: false, ...more }, { log });
  after(() => cache.close());
  return {
    cache,
    lines: () =>
      said
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, string>),
  };
}

export const isOk = (cache: Cache) => () => cache.status().status === 'ok';

export async function timed<T>(work: Promise<T>): Promise<[value: T, ms: number]> {
  const start = performance.now();
  return [await work, performance.now() - start];
}
