import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from '../../test/run/free-port.ts';

/** Real servers of a test's own, to be killed, frozen and restarted; they end with the test file. */
const closers: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

export function atEnd(close: () => Promise<void> | void): void {
  closers.push(close);
}

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-fault-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** PostgreSQL refuses to run as root. */
export function databaseUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout));
    if (uid !== undefined && gid !== undefined && uid > 0) return { uid, gid };
  }
  throw new Error('there is no unprivileged user to run PostgreSQL as');
}

function postgresFolder(): string {
  const debian = '/usr/lib/postgresql';
  const found = (existsSync(debian) ? readdirSync(debian) : [])
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(debian, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')));
  const bin = process.env.TEST_PG_BIN ?? found;
  if (bin === undefined) throw new Error('PostgreSQL is not installed, and TEST_PG_BIN does not say where it is');
  return bin;
}

export interface PrivatePostgres {
  url: string;
  port: number;
  /** One statement on a connection of its own. */
  sql<Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  connect(): Promise<pg.Client>;
  stop(how?: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** Freezes or thaws the server with everything that it runs. */
  signalAll(signal: 'SIGSTOP' | 'SIGCONT'): void;
  backends(): number[];
}

/** As durable as in production: fsync is on. */
export async function startPostgres(settings: Record<string, string> = {}): Promise<PrivatePostgres> {
  const bin = postgresFolder();
  const user = databaseUser();
  const folder = scratchFolder();
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const env = { ...process.env, LC_ALL: 'C' };
  const init = ['-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(bin, 'initdb'), init, { ...user, cwd: folder, env, stdio: 'ignore' });
  const port = await freePort();
  const all = { listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200', ...settings };
  const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  let child: ChildProcess;
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const start = async (): Promise<void> => {
    child = spawn(join(bin, 'postgres'), ['-D', data, '-p', `${port}`, ...options], {
      ...user,
      cwd: folder,
      env,
      stdio: 'ignore',
    });
    await until(
      async () =>
        connect().then(
          (client) => client.end().then(() => true),
          () => false,
        ),
      20_000,
      'PostgreSQL',
    );
  };
  await start();
  const stop: PrivatePostgres['stop'] = (how = 'fast') => {
    signalAll('SIGCONT');
    return ended(child, how === 'fast' ? 'SIGINT' : 'SIGQUIT');
  };
  const backends = (): number[] => childrenOf(child.pid as number);
  const signalAll: PrivatePostgres['signalAll'] = (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    for (const pid of [child.pid as number, ...backends()]) {
      try {
        process.kill(pid, signal);
      } catch {} // it has just ended
    }
  };
  atEnd(() => stop('immediate'));
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    connect,
    async sql(text, values = []) {
      const client = await connect();
      return (await client.query(text, values).finally(() => client.end())).rows as never[];
    },
    stop,
    start,
    signalAll,
    backends,
  };
}

function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map(Number)
    .filter((one) => one > 0);
}

export interface PrivateRedis {
  url: string;
  port: number;
  command(...words: string[]): Promise<string>;
  kill(): Promise<void>;
  start(): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export async function startRedis(): Promise<PrivateRedis> {
  const program = process.env.TEST_REDIS_SERVER ?? 'redis-server';
  const folder = scratchFolder();
  chmodSync(folder, 0o700);
  mkdirSync(join(folder, 'data'));
  const port = await freePort();
  let child: ChildProcess;
  const command: PrivateRedis['command'] = async (...words) => {
    const { connect } = await import('node:net');
    return new Promise((done, fail) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(`${words.join(' ')}\r\n`));
      socket.once('data', (answer) => {
        socket.destroy();
        done(answer.toString().trim());
      });
      socket.once('error', fail);
    });
  };
  const start = async (): Promise<void> => {
    const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', join(folder, 'data')];
    child = spawn(program, options, { stdio: 'ignore' });
    child.on('error', () => undefined);
    await until(async () => (await command('PING').catch(() => '')) === '+PONG', 10_000, 'Redis');
  };
  await start();
  atEnd(() => ended(child, 'SIGKILL'));
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    command,
    kill: () => ended(child, 'SIGKILL'),
    start,
    signal: (signal) => void child.kill(signal),
  };
}

export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = new Promise((done) => child.once('exit', done));
  child.kill(signal);
  await over;
}

export async function until(is: () => Promise<boolean> | boolean, ms: number, what: string): Promise<number> {
  const from = performance.now();
  while (!(await is())) {
    if (performance.now() - from > ms) throw new Error(`${what}: not within ${ms} ms`);
    await sleep(20);
  }
  return performance.now() - from;
}
