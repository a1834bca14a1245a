import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type App, createApp } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import { createLog } from '../../src/platform/log.ts';
import { type TestServer, testConfig } from '../kit.ts';
import { atEnd } from '../programs.ts';

/** Where a test would take whatever the kit's database is, this one is about the settings of the database. */
export async function openServer(env: Record<string, string>): Promise<{ app: App; config: Config; url: string; close(): Promise<void> }> {
  const config = await testConfig(env);
  const { log } = createLog({ config });
  const app = await createApp(config, { log });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= app.close());
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
    const call = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: await text(request) };
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
