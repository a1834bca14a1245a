import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, createAnswerReader } from './answers.ts';

export type { Answer } from './answers.ts';

/**
 * Load by hand: a fixed number of keep-alive connections, each with one request under way, written in one piece and
 * prepared ahead, so that the load takes as little as it can of the processors that it shares with the subject. It runs
 * in the process of the bench; subjects and stores have processes of their own.
 */
export interface LoadOptions {
  readonly url: string;
  readonly connections?: number;
  readonly seconds: number;
  /** The next request of a connection, as `request` makes it; null where it has none left, which ends the connection. */
  next(connection: number): Buffer | null;
  /** What is wrong with the answer, or null; without it, any status but 200. The first wrong answer ends the bench. */
  check?(answer: Answer, connection: number): string | null;
  /** Requests a second of each connection, due on a fixed schedule; times count from when they were due. */
  readonly rate?: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

export const CONNECTIONS = 16;

export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { connections = CONNECTIONS, seconds } = options;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(options.url)));
  const times: number[] = [];
  const started = performance.now();
  const end = started + seconds * 1000;
  try {
    await Promise.all(
      sockets.map((socket, index) => runConnection(socket, index, { ...options, end, started, times })),
    );
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  const sorted = Float64Array.from(times).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { requests: times.length, seconds: (performance.now() - started) / 1000, p50: at(0.5), p99: at(0.99) };
}

export interface RequestOptions {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A whole request as bytes. */
export function request(url: string, { method = 'GET', path, headers = {}, body }: RequestOptions): Buffer {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const lines = Object.entries({
    host: new URL(url).host,
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
}

/** One request by itself, for preparing: the same client, a connection of its own. */
export async function ask(url: string, options: RequestOptions): Promise<Answer> {
  const socket = await open(url);
  try {
    return await exchange(socket)(request(url, options));
  } finally {
    socket.destroy();
  }
}

interface Run extends LoadOptions {
  readonly started: number;
  readonly end: number;
  readonly times: number[];
}

async function runConnection(socket: Socket, index: number, run: Run): Promise<void> {
  const { next, check = isOk, rate, started, end, times } = run;
  const send = exchange(socket);
  for (let turn = 0; ; turn++) {
    const due = rate === undefined ? performance.now() : started + (1000 * turn) / rate;
    if (due >= end) return;
    if (rate !== undefined) await sleep(Math.max(0, due - performance.now()));
    const bytes = next(index);
    if (bytes === null) return;
    const answer = await send(bytes);
    times.push(performance.now() - due);
    const fault = check(answer, index);
    if (fault !== null)
      throw new Error(`${fault} to ${firstLine(bytes)}:\n${answer.head}\n${answer.body.slice(0, 2000)}`);
  }
}

export function isOk({ status }: Answer): string | null {
  return status === 200 ? null : `unexpected answer ${status}`;
}

function firstLine(bytes: Buffer): string {
  return bytes.toString('latin1', 0, bytes.indexOf('\r\n'));
}

function exchange(socket: Socket): (bytes: Buffer) => Promise<Answer> {
  let settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  const reader = createAnswerReader((answer) => {
    const waiting = settle;
    settle = null;
    waiting?.resolve(answer);
  });
  const fail = (error: Error): void => settle?.reject(error);
  socket.on('data', (chunk) => {
    try {
      reader(chunk);
    } catch (error) {
      fail(error as Error);
    }
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the subject closed the connection')));
  return (bytes) =>
    new Promise((resolve, reject) => {
      settle = { resolve, reject };
      socket.write(bytes);
    });
}

function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', reject);
  });
}
