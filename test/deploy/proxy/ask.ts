import { readFileSync } from 'node:fs';
import { connect, type IncomingHttpHeaders as Http2Headers } from 'node:http2';
import { Agent, request } from 'node:https';
import type { Stack } from '../stack.ts';

export interface Answer {
  readonly status: number;
  /** As they came: a header that came twice has two values. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly agent?: Agent;
}

const LIMIT = 20_000;

/** One HTTP/1.1 request through the proxy, on a connection of its own unless an agent is given. */
export function ask(
  stack: Stack,
  path: string,
  { method = 'GET', headers = {}, body, agent }: Ask = {},
): Promise<Answer> {
  return new Promise((done, fail) => {
    const sent = request(
      `${stack.url}${path}`,
      {
        method,
        ca: readFileSync(stack.ca),
        agent: agent ?? false,
        servername: 'localhost', // whatever the Host header says
        timeout: LIMIT,
        headers: { ...headers, ...lengthOf(body) },
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        answer.on('end', () =>
          done({ status: answer.statusCode ?? 0, headers: distinct(answer.headersDistinct), body: text }),
        );
        answer.on('error', fail);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: no answer within ${LIMIT} ms`)));
    // A refusal may come, and the connection close, while the body is still on its way: what counts is the answer.
    sent.on('error', fail).end(body);
  });
}

/** The same over HTTP/2, on a connection of its own. */
export function askHttp2(stack: Stack, path: string): Promise<{ status: number; headers: Http2Headers }> {
  const session = connect(stack.url, { ca: readFileSync(stack.ca) });
  return new Promise((done, fail) => {
    session.on('error', fail);
    const stream = session.request({ ':path': path });
    stream.on('response', (headers) => done({ status: Number(headers[':status']), headers }));
    stream.on('error', fail).resume().end();
  }).finally(() => session.close()) as Promise<{ status: number; headers: Http2Headers }>;
}

export function keptAlive(connections: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: connections });
}

function lengthOf(body: string | Buffer | undefined): Record<string, string> {
  return body === undefined ? {} : { 'content-length': `${Buffer.byteLength(body)}` };
}

function distinct(headers: NodeJS.Dict<string[]>): Record<string, readonly string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, values ?? []]));
}
