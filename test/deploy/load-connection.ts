import http from 'node:http';
import https from 'node:https';
import type { LoadOptions, LoadRequest } from './load.ts';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** The JSON body; empty where it is none. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Connection {
  ask(request: Pick<LoadRequest, 'method' | 'path' | 'headers' | 'body'>): Promise<Answer>;
  close(): void;
}

/**
 * One keep-alive connection. It is opened anew where the server asked for that (`Connection: close`), where it broke, and
 * after as many requests as a client would send over it.
 */
export function openConnection(
  options: Pick<LoadOptions, 'url' | 'insecure' | 'host' | 'headers' | 'patience' | 'requestsPerConnection'>,
): Connection {
  const { patience = 10, requestsPerConnection = 0 } = options;
  const url = new URL(options.url);
  const isTls = url.protocol === 'https:';
  const agent = isTls
    ? new https.Agent({
        keepAlive: true,
        maxSockets: 1,
        rejectUnauthorized: options.insecure !== true,
        ...(options.host === undefined ? {} : { servername: options.host }),
      })
    : new http.Agent({ keepAlive: true, maxSockets: 1 });
  let used = 0;

  const headersOf = (request: Pick<LoadRequest, 'headers'>, body: string | undefined): Record<string, string> => {
    used = (used + 1) % Math.max(1, requestsPerConnection);
    return {
      ...(options.host === undefined ? {} : { host: options.host }),
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      ...(requestsPerConnection > 0 && used === 0 ? { connection: 'close' } : {}),
      ...options.headers,
      ...request.headers,
    };
  };

  return {
    ask(request) {
      const body = request.body === undefined ? undefined : JSON.stringify(request.body);
      const method = request.method ?? 'GET';
      return new Promise((resolve, reject) => {
        const asking = (isTls ? https : http).request(
          new URL(request.path, url),
          { agent, method, headers: headersOf(request, body) },
          (response) =>
            read(response)
              .then(resolve, reject)
              .finally(() => clearTimeout(timer)),
        );
        const timer = setTimeout(
          () => asking.destroy(Object.assign(new Error('no answer in time'), { code: 'no answer in time' })),
          patience * 1000,
        );
        asking.on('error', (error) => {
          clearTimeout(timer);
          reject(error);
        });
        asking.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}

async function read(response: http.IncomingMessage): Promise<Answer> {
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, headers: response.headers, body: parsed(text) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
