import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../metrics.ts';

export interface MetricsServer {
  port: number;
  close(): Promise<void>;
}

/** The metrics on a port of their own, which is not for the outside: they tell how much is signed in and refused here. */
export async function serveMetrics(
  metrics: Metrics,
  { host, port }: { host: string; port: number },
): Promise<MetricsServer> {
  const server = createServer((request, response) => void answer(metrics, request, response));
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  server.maxConnections = 50;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: (server.address() as AddressInfo).port, close };
}

async function answer(metrics: Metrics, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const send = (status: number, text: string, headers: Record<string, string> = {}) => {
    response.writeHead(status, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  request.resume();
  if (request.url?.split('?')[0] !== '/metrics') return send(404, 'Not found. The metrics are at /metrics.\n');
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'Only GET.\n', { allow: 'GET, HEAD' });
  try {
    const text = await metrics.text();
    send(200, text, { 'content-type': metrics.contentType });
  } catch {
    send(500, 'The metrics could not be collected.\n');
  }
}
