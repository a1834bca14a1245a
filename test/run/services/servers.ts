import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import type { SystemUser } from './user.ts';

export interface RunningServer {
  readonly url: string;
  stop(): Promise<void>;
}

type Watch = (pid: number) => void;

const START_WITHIN = 30_000;
const ATTEMPTS = 3;
const run = promisify(execFile);

/** A private PostgreSQL without durability: for tests of the server's own crash safety, start another with fsync on. */
export async function startPostgres(
  bin: string,
  folder: string,
  user: SystemUser | null,
  watch: Watch,
): Promise<RunningServer> {
  const password = randomBytes(12).toString('hex');
  ownFolder(folder, user);
  const passwordFile = join(folder, 'password');
  ownFile(passwordFile, `${password}\n`, user);
  const data = join(folder, 'data');
  const init = [
    '-D',
    data,
    '-U',
    'postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  await run(join(bin, 'initdb'), init, { ...user, cwd: folder, env: { ...process.env, LC_ALL: 'C' } });
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '300',
    fsync: 'off',
    full_page_writes: 'off',
    synchronous_commit: 'off',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return onFreePort(async (port) => {
    const child = spawn(join(bin, 'postgres'), ['-D', data, '-p', `${port}`, ...options], serverOptions(folder, user));
    await started(child, 'PostgreSQL', /database system is ready to accept connections/, watch);
    return {
      url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      stop: () => stopServer(child, 'SIGQUIT'),
    };
  });
}

export async function startRedis(
  program: string,
  folder: string,
  user: SystemUser | null,
  watch: Watch,
): Promise<RunningServer> {
  const password = randomBytes(12).toString('hex');
  ownFolder(folder, user);
  return onFreePort(async (port) => {
    const settings = [
      `port ${port}`,
      'bind 127.0.0.1',
      `requirepass ${password}`,
      'save ""',
      'appendonly no',
      `dir ${folder}`,
    ];
    const file = join(folder, 'redis.conf');
    ownFile(file, `${settings.join('\n')}\n`, user);
    const child = spawn(program, [file], serverOptions(folder, user));
    await started(child, 'Redis', /Ready to accept connections/, watch);
    return { url: `redis://:${password}@127.0.0.1:${port}/0`, stop: () => stopServer(child, 'SIGKILL') };
  });
}

function serverOptions(folder: string, user: SystemUser | null) {
  // Detached: a Ctrl-C is for the runner, which stops the servers after the tests.
  const env = { ...process.env, LC_ALL: 'C' };
  return {
    ...user,
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'] satisfies ['ignore', 'pipe', 'pipe'],
  };
}

/** Between finding a free port and listening on it another process may take it: then the next one. */
async function onFreePort(start: (port: number) => Promise<RunningServer>): Promise<RunningServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

function started(child: ChildProcess, name: string, ready: RegExp, watch: Watch): Promise<void> {
  if (child.pid) watch(child.pid);
  return new Promise((resolve, reject) => {
    let words = '';
    const fail = (what: string) => {
      child.kill('SIGKILL');
      reject(new Error(`${name} ${what}:\n${words.trim()}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${START_WITHIN / 1000} s`), START_WITHIN);
    const hear = (chunk: Buffer) => {
      words = (words + chunk.toString()).slice(-4000);
      if (!ready.test(words)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', (error) => fail(`could not be run (${error.message})`));
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`ended with exit code ${code}`);
    });
  });
}

async function stopServer(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

function ownFolder(path: string, user: SystemUser | null): void {
  mkdirSync(path, { mode: 0o700 });
  if (user) chownSync(path, user.uid, user.gid);
}

function ownFile(path: string, text: string, user: SystemUser | null): void {
  writeFileSync(path, text, { mode: 0o600 });
  if (user) chownSync(path, user.uid, user.gid);
}
