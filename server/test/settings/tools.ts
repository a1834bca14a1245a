import { spawn } from 'node:child_process';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type App, createApp } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { type TestServer, testConfig } from '../kit.ts';
import { atEnd, ended, scratchFolder, until } from '../programs.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** Where a test would take whatever the kit's database is, this one is about the settings of the database. */
export async function openServer(
  env: Record<string, string>,
): Promise<{ app: App; config: Config; url: string; close(): Promise<void> }> {
  const config = await testConfig(env);
  const { log, close: closeLog } = createLog({ config });
  const app = await createApp(config, { log });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= app.close().then(closeLog));
  atEnd(close);
  // What started before the failure would keep the test's process alive.
  const { url } = await app.listen().catch((error: unknown) => close().then(() => Promise.reject(error)));
  return { app, config, url: url.replace('localhost', '127.0.0.1'), close };
}

/** The kit's database, as an operator would name it. */
export function databaseUrlOf({ config: { database } }: TestServer): string {
  if (database.kind === 'embedded') throw new Error('the embedded database has no URL');
  const { user, password, host, port, database: name } = database.connection;
  return `postgres://${user}:${password}@${host}:${port}/${name}`;
}

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Somebody else's HTTP service on loopback: keeps what it was asked, and answers what the test says. */
export async function startHttpStandIn(
  answer: (call: HttpCall) => { status?: number; headers?: Record<string, string>; body: string },
): Promise<{ url: string; host: string; calls: HttpCall[] }> {
  const calls: HttpCall[] = [];
  const server = createServer(async (request, response) => {
    const call = {
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      body: await text(request),
    };
    calls.push(call);
    const { status = 200, headers = {}, body } = answer(call);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url: `http://${host}`, host, calls };
}

/** The part of a token that `at` names: 0 the header, 1 the claims. */
export function partOf(token: string, at: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[at] as string, 'base64url').toString('utf8'));
}

export interface Program {
  readonly pid: number;
  readonly exited: Promise<{ code: number | null; ms: number }>;
  out(): string;
  err(): string;
  signal(signal: NodeJS.Signals): void;
}

/** `auth-api serve` with these settings and no others, in a folder of the test's. */
export function serve(env: Record<string, string>, cwd = scratchFolder()): Program {
  const { PATH = '', HOME = '' } = process.env;
  const from = performance.now();
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: { PATH, HOME, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const exited = new Promise<{ code: number | null; ms: number }>((done) =>
    child.once('close', (code) => done({ code, ms: performance.now() - from })),
  );
  atEnd(() => ended(child, 'SIGKILL'));
  return {
    pid: child.pid as number,
    exited,
    out: () => out,
    err: () => err,
    signal: (signal) => void child.kill(signal),
  };
}

/** Waits until `url` answers 200; fails at once where the program ends before. */
export async function answering(program: Program, url: string): Promise<void> {
  let end: number | null | undefined;
  void program.exited.then(({ code }) => (end = code));
  const answers = async (): Promise<boolean> => {
    if (end !== undefined) throw new Error(`ended with ${end}: ${program.err()}`);
    return (await fetch(url).catch(() => null))?.status === 200;
  };
  await until(answers, 60_000, url);
}
