/** The server itself, as it stands in this checkout, on free ports of the loopback address: no container around it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../run/free-port.ts';
import type { RowContext } from './row.ts';

export interface LocalServer {
  readonly port: number;
  readonly metricsPort: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** What it has written to standard output and to standard error. */
  readonly output: { stdout: string; stderr: string };
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export type Place = Pick<RowContext, 'root' | 'scratch' | 'after'>;

const READY_WITHIN_MS = 90_000;
const random = (): string => randomBytes(48).toString('base64url');

/** Secrets and settings that several servers of one installation have in common. */
export function installation(settings: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    LOG_FORMAT: 'json',
    EMAIL_SERVICE: 'inbox',
    EMAIL_VERIFICATION: 'optional',
    RATE_LIMIT_MAX: '1000000',
    JWT_REFRESH_SECRET: random(),
    SESSION_SECRET: random(),
    CSRF_SECRET: random(),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ...settings,
  };
}

/** Answers its health check when this returns; ends with the row at the latest. */
export async function startServer(place: Place, name: string, env: Record<string, string>): Promise<LocalServer> {
  const server = await launch(place, name, env);
  const until = performance.now() + READY_WITHIN_MS;
  while (!server.output.stdout.includes('"message":"serving"')) {
    const { exitCode } = server.process;
    if (exitCode !== null || performance.now() > until)
      throw new Error(`the server did not start (${exitCode}):\n${server.output.stderr}${server.output.stdout}`);
    await sleep(50);
  }
  return server;
}

/** Starts it and waits for nothing: for servers that are to fail. */
export async function launch(place: Place, name: string, env: Record<string, string>): Promise<LocalServer> {
  const folder = join(place.scratch, name);
  mkdirSync(folder, { recursive: true });
  const [port, metricsPort] = [await freePort(), await freePort()];
  const scheme = env.SSL_KEY_PATH === undefined ? 'http' : 'https';
  const child = spawn(process.execPath, [join(place.root, 'server/bin/auth-api.mjs'), 'serve'], {
    cwd: folder,
    env: { PATH: process.env.PATH, PORT: `${port}`, METRICS_PORT: `${metricsPort}`, DATA_DIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const over = once(child, 'close');
    child.kill(signal);
    await over;
  };
  place.after(() => stop('SIGKILL'));
  return { port, metricsPort, url: `${scheme}://localhost:${port}`, process: child, output, stop };
}

export async function until(isTrue: () => Promise<boolean> | boolean, what: string, seconds = 20): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await isTrue())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(100);
  }
}
