// engines: none
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerClientError, refuseTunnel } from './client-error.ts';

let server: Server;

before(async () => {
  server = createServer({ requestTimeout: 200, headersTimeout: 200, connectionsCheckingInterval: 50 });
  server.on('clientError', (error, socket) => answerClientError(error, socket as Socket, 'request-id', false));
  server.on('connect', (_request, socket) => refuseTunnel(socket as Socket, 'request-id'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
});

after(() => {
  server.closeAllConnections();
  server.close();
});

const open = (): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, count) => (error ? reject(error) : resolve(count))));

/** A peer that reads what comes and never closes its half. */
async function stubborn(bytes: string): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  let heard = '';
  socket.on('error', () => undefined);
  socket.setEncoding('latin1').on('data', (chunk) => (heard += chunk));
  await once(socket, 'connect');
  socket.write(bytes);
  return { socket, heard: () => heard };
}

const PEERS: Record<string, [bytes: string, status: number]> = {
  'sends nothing': ['', 408],
  'stops in its headers': ['GET / HTTP/1.1\r\nHost: x\r\nA:', 408],
  'stops in its body': ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{', 408],
  'asks for a tunnel': ['CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405],
  'sends garbage': ['GARBAGE\r\n\r\n', 400],
};

for (const [what, [bytes, status]] of Object.entries(PEERS)) {
  test(`who ${what} and never closes its half of the connection is told, and loses the connection`, async (t) => {
    const { socket, heard } = await stubborn(bytes);
    t.after(() => socket.destroy());
    const end = performance.now() + 4_000;
    do await sleep(50);
    while ((await open()) > 0 && performance.now() < end);
    assert.equal(await open(), 0);
    assert.ok(heard().startsWith(`HTTP/1.1 ${status} `), heard());
  });
}
