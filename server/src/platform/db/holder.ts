import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import { sha256 } from '../../lib/bytes.ts';
import { randomToken } from '../../lib/random.ts';
import type { Db, Tx } from './db.ts';

/**
 * The embedded database's directory has one holder: the process that listens on the 0600 socket beside it. The kernel
 * frees the socket's listener when the process dies, however it dies. The command line speaks SQL to the holder through
 * the same socket, since a second process on the directory would destroy it.
 */
const PATH_MAX_BYTES = 100;
const TRANSACTION_LIMIT_MS = 60_000;

type Request =
  | { id: number; do: 'pid' | 'begin' | 'commit' | 'rollback' }
  | { id: number; do: 'query' | 'execute' | 'script'; text: string; values?: readonly unknown[] };
type Answer =
  | { id: number; result: unknown }
  | { id: number; error: { message: string; code?: string; constraint?: string } };

export class DirectoryHeld extends Error {
  readonly pid: number;
  constructor(directory: string, pid: number) {
    super(`${directory} is in use by process ${pid}: one process at a time may serve an embedded database`);
    this.pid = pid;
  }
}

function socketPath(dataDir: string): string {
  const plain = resolve(dataDir, 'server.sock');
  const shorter = relative(process.cwd(), plain);
  const best = shorter.length < plain.length ? shorter : plain;
  if (Buffer.byteLength(best) <= PATH_MAX_BYTES) return best;
  return join('/tmp', `auth-api-${sha256(plain).toString('hex').slice(0, 24)}.sock`);
}

export async function holdDirectory(dataDir: string): Promise<{ serve(db: Db): void; release(): Promise<void> }> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = socketPath(dataDir);
  let database: Db | undefined;
  const server = net.createServer((socket) => answer(socket, () => database));
  for (let tries = 0; ; tries++) {
    if (await listen(server, path)) {
      if (await isStillThere(path)) break;
      await new Promise((done) => server.close(done));
    }
    const found = identity(path);
    const pid = await askPid(path);
    if (pid !== null || tries > 20) throw new DirectoryHeld(dataDir, pid ?? 0);
    if (found !== null) removeStale(path, found);
  }
  chmodSync(path, 0o600);
  return {
    serve: (db) => {
      database = db;
    },
    release: () =>
      new Promise((done) => {
        server.close(() => done());
        rmSync(path, { force: true });
      }),
  };
}

/** A handle on the database of the process that holds `dataDir`; null where nobody does. */
export async function connectToHolder(dataDir: string): Promise<Db | null> {
  const path = socketPath(dataDir);
  if (!existsSync(path) || (await askPid(path)) === null) return null;
  return remoteDb(path);
}

function listen(server: net.Server, path: string): Promise<boolean> {
  return new Promise((done, fail) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') done(false);
      else fail(error);
    };
    server.once('error', onError);
    // The mask closes the moment between creation and chmod.
    const mask = process.umask(0o177);
    server.listen(path, () => {
      server.off('error', onError);
      done(true);
    });
    process.umask(mask);
  });
}

const SETTLE_MS = 50;

function identity(path: string): string | null {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.ino}:${stat.mtimeNs}`;
}

// Renamed first and looked at again: a socket that another process has just put there is not the one that was found
// dead, and is put back within microseconds.
function removeStale(path: string, found: string): void {
  const aside = `${path}.${randomToken('s', 4)}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  if (identity(aside) === found) rmSync(aside, { force: true });
  else renameSync(aside, path);
}

// In those microseconds a third process may have listened at the free path; then its own socket is gone again.
async function isStillThere(path: string): Promise<boolean> {
  const ours = identity(path);
  await sleep(SETTLE_MS);
  return ours !== null && identity(path) === ours;
}

async function askPid(path: string): Promise<number | null> {
  const connection = await dial(path);
  if (connection === null) return null;
  try {
    return (await connection.ask({ do: 'pid' })) as number;
  } catch {
    return null;
  } finally {
    connection.end();
  }
}

interface Connection {
  ask(request: Record<string, unknown>): Promise<unknown>;
  end(): void;
}

function dial(path: string): Promise<Connection | null> {
  return new Promise((done) => {
    const socket = net.connect(path);
    const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
    let next = 0;
    const fail = (): void => {
      done(null);
      for (const w of waiting.values()) w.reject(new Error('the server that holds the data directory went away'));
      waiting.clear();
    };
    socket.once('error', fail);
    socket.once('close', fail);
    socket.once('connect', () =>
      done({
        ask: (request) =>
          new Promise((resolve, reject) => {
            waiting.set(++next, { resolve, reject });
            send(socket, { id: next, ...request });
          }),
        end: () => socket.end(),
      }),
    );
    receive(socket, (message) => {
      const reply = message as Answer;
      const waiter = waiting.get(reply.id);
      waiting.delete(reply.id);
      if ('error' in reply) waiter?.reject(Object.assign(new Error(reply.error.message), reply.error));
      else waiter?.resolve(reply.result);
    });
  });
}

function send(socket: net.Socket, message: unknown): void {
  const body = serialize(message);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.byteLength);
  socket.write(Buffer.concat([head, body]));
}

function receive(socket: net.Socket, onMessage: (message: unknown) => void): void {
  let buffered = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 4 && buffered.length >= 4 + buffered.readUInt32BE()) {
      const length = buffered.readUInt32BE();
      onMessage(deserialize(buffered.subarray(4, 4 + length)));
      buffered = buffered.subarray(4 + length);
    }
  });
}

// One client's side: statements run on the database, or on its open transaction, which ends with the connection.
function answer(socket: net.Socket, database: () => Db | undefined): void {
  let open: { tx: Tx; end(commit: boolean): Promise<void> } | undefined;
  const perform = async (request: Request): Promise<unknown> => {
    if (request.do === 'pid') return process.pid;
    const db = database();
    if (!db) throw new Error('the server is still starting');
    if (request.do === 'begin') {
      open = await beginOn(db);
      return null;
    }
    if (request.do === 'commit' || request.do === 'rollback') {
      const closing = open;
      open = undefined;
      await closing?.end(request.do === 'commit');
      return null;
    }
    if (request.do === 'script') return db.script(request.text);
    const { do: verb, text, values } = request as Extract<Request, { text: string }>;
    return verb === 'query' ? (open?.tx ?? db).query(text, values) : (open?.tx ?? db).execute(text, values);
  };
  socket.on('error', () => socket.destroy());
  socket.on('close', () => void open?.end(false).catch(() => undefined));
  receive(socket, (message) => {
    const request = message as Request;
    perform(request).then(
      (result) => send(socket, { id: request.id, result: result ?? null }),
      (error: Error & { code?: string; constraint?: string }) => {
        const { message: text, code, constraint } = error;
        send(socket, {
          id: request.id,
          error: { message: text, ...(code && { code }), ...(constraint && { constraint }) },
        });
      },
    );
  });
}

const ROLLED_BACK = Symbol('rolled back');

function beginOn(db: Db): Promise<{ tx: Tx; end(commit: boolean): Promise<void> }> {
  return new Promise((started, failed) => {
    let finish: (commit: boolean) => void = () => undefined;
    const decided = new Promise<boolean>((decide) => {
      finish = decide;
    });
    const limit = setTimeout(() => finish(false), TRANSACTION_LIMIT_MS);
    const done = db.transaction(async (tx) => {
      started({
        tx,
        end: (commit) => {
          clearTimeout(limit);
          finish(commit);
          return done.catch((error) => {
            if (error !== ROLLED_BACK) throw error;
          });
        },
      });
      if (!(await decided)) throw ROLLED_BACK;
    });
    done.catch(failed);
  });
}

async function remoteDb(path: string): Promise<Db> {
  const dialled = await dial(path);
  if (dialled === null) throw new Error('the server that holds the data directory went away');
  const on = (connection: Connection): Omit<Tx, 'inTransaction'> => ({
    query: (text, values) => connection.ask({ do: 'query', text, values }) as Promise<never>,
    execute: (text, values) => connection.ask({ do: 'execute', text, values }) as Promise<number>,
  });
  const transaction = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const own = await dial(path);
    if (own === null) throw new Error('the server that holds the data directory went away');
    try {
      await own.ask({ do: 'begin' });
      const result = await work({ inTransaction: true, ...on(own) });
      await own.ask({ do: 'commit' });
      return result;
    } finally {
      own.end(); // without a commit the holder rolls back
    }
  };
  return {
    engine: 'embedded',
    ...on(dialled),
    transaction,
    script: async (text) => void (await dialled.ask({ do: 'script', text })),
    stats: () => ({ total: 1, idle: 1, waiting: 0 }),
    close: async () => dialled.end(),
  };
}
