import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../test/run/free-port.ts';
import { ROOT } from './ground.ts';
import { ask } from './load.ts';
import { type Stores, seeded } from './stores.ts';

/** A server under load, in a process of its own. */
export interface Subject {
  readonly url: string;
  readonly pid: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

export interface Ours extends Subject {
  readonly metricsUrl: string;
}

type Env = Readonly<Record<string, string>>;

// What is told `follow` ends with the bench, however that ends.
const FOLLOW = ['--import', join(ROOT, 'runtime', 'follow.mjs')];
const READY_WITHIN = 60_000;
const WAIT = 20;

/** The settings of a production server on this machine. Limits are high, not off: counting is part of the price. */
export async function ourEnv(stores: Stores, database: string, more: Env = {}): Promise<Record<string, string>> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    DATABASE_URL: await stores.databaseUrl(database),
    REDIS_URL: stores.redisUrl,
    RATE_LIMIT_MAX: '1000000',
    RATE_LIMIT_LOGIN: '1000000/60',
    RATE_LIMIT_USER: '1000000/60',
    EMAIL_SERVICE: 'smtp',
    EMAIL_FROM: 'Bench <no-reply@example.com>',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: '9',
    SMTP_REQUIRE_TLS: 'false',
    JWT_REFRESH_SECRET: seeded('refresh').toString('base64url'),
    SESSION_SECRET: seeded('session').toString('base64url'),
    CSRF_SECRET: seeded('csrf').toString('base64url'),
    ENCRYPTION_KEY: seeded('encryption').toString('base64'),
    ...more,
  };
}

/** What `npm start` runs: the bundle of the present source, made if need be. */
export async function programOf(): Promise<string> {
  const { findBundle } = await import('../server/bundle/find.mjs' as string);
  if (findBundle(ROOT) === null) {
    const { makeBundle } = await import('../server/bundle/make.mjs' as string);
    await makeBundle(ROOT);
  }
  return join(ROOT, 'server', 'bin', 'auth-api.mjs');
}

/** The server as `npm start` runs it; ready when this returns. */
export async function startOurs(stores: Stores, env: Env, nodeArgs: readonly string[] = []): Promise<Ours> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const child = launch(stores, [...FOLLOW, ...nodeArgs, await programOf(), 'serve'], {
    PORT: `${port}`,
    METRICS_PORT: `${metricsPort}`,
    PUBLIC_URL: `http://localhost:${port}`,
    ...env,
  });
  const isReady = (): Promise<boolean> =>
    ask(url, { path: '/ready' }).then(
      ({ status }) => status === 200,
      () => false,
    );
  await waitFor(child, isReady);
  return { ...subjectOf(child, url), metricsUrl: `http://127.0.0.1:${metricsPort}/metrics` };
}

/** A file that begins to listen and tells where: `process.send({ url })`. */
export async function startSubject(stores: Stores, file: string, env: Env = {}): Promise<Subject> {
  const child = launch(stores, [...FOLLOW, file], { NODE_ENV: 'production', ...env });
  let url: string | undefined;
  child.once('message', (message: { url: string }) => {
    url = message.url;
  });
  await waitFor(child, async () => url !== undefined);
  return subjectOf(child, url as string);
}

interface Launched extends ChildProcess {
  /** What it has written, on either stream. */
  readonly log: string;
}

function launch(stores: Stores, args: readonly string[], env: Env): Launched {
  // A folder of its own, so that no `.env` is read. Every subject writes its log into a file there.
  const folder = mkdtempSync(join(stores.scratch, 'subject-'));
  const log = join(folder, 'log');
  const output = openSync(log, 'a');
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', output, output, 'ipc'],
  });
  return Object.assign(child, { log });
}

function subjectOf(child: ChildProcess, url: string): Subject {
  return {
    url,
    pid: child.pid as number,
    process: child,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const over = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
      await over;
      clearTimeout(late);
    },
  };
}

async function waitFor(child: Launched, isReady: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + READY_WITHIN;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() > end) {
      child.kill('SIGKILL');
      throw new Error(`a subject did not start (exit code ${child.exitCode}):\n${readFileSync(child.log, 'utf8')}`);
    }
    await sleep(WAIT);
  }
}
