// engines: none
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LoadClient, type LoadOptions, type LoadResult, startLoad } from './load.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, turn: number) => void;

const answer = (response: ServerResponse, status = 200): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end('{"keys":[1]}');
};

/** Loads until so many were sent: how long that takes is the machine's affair. */
async function loaded(handler: Handler, options: Partial<LoadOptions>, count = 30, patience = 500) {
  let turn = 0;
  let connections = 0;
  const server = createServer((request, response) => handler(request, response, turn++));
  server.on('connection', () => connections++);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const load = startLoad({ url, rate: 100, connections: 4, ...options });
  for (let waits = 0; load.result().sent < count && waits < patience; waits++) await sleep(10);
  const result: LoadResult = await load.stop();
  server.closeAllConnections();
  server.close();
  return { result, turn, connections };
}

test('requests start on schedule, over as many connections as were asked for, and every answer counts', async () => {
  const { result, turn, connections } = await loaded((_, response) => answer(response), {});
  assert.equal(result.sent, turn);
  assert.equal(result.ok, turn);
  assert.ok(turn >= 30 && turn <= 100 * result.seconds + 4, `${turn} requests in ${result.seconds} s at 100 a second`);
  assert.equal(connections, 4);
  assert.deepEqual(result.failed, {});
});

test('each kind of failure is counted under its own name, and none is tried again', async () => {
  const { result, turn } = await loaded((request, response, n) => {
    if (n === 3) answer(response, 503);
    else if (n === 5) request.socket.destroy();
    else if (n === 7) request.socket.resetAndDestroy();
    else answer(response);
  }, {});
  const kinds = Object.keys(result.failed).map((name) => name.replace(/^.*: /, ''));
  assert.equal(result.sent - result.ok, 3);
  assert.equal(result.sent, turn);
  assert.ok(kinds.includes('HTTP 503') && kinds.includes('ECONNRESET'), kinds.join());
  assert.equal(result.firstFailures.length, 3);
});

test('an answer that never comes is a failure, and so is one of the wrong content', async () => {
  const silent = await loaded((_, response, n) => n > 0 && answer(response), { patience: 1 });
  assert.deepEqual(Object.values(silent.result.failed), [1]);
  assert.match(Object.keys(silent.result.failed)[0] ?? '', /no answer in time/);
  const client = (): LoadClient => () => ({ name: 'GET a', path: '/a', judge: () => 'wrong' });
  const wrong = await loaded((_, response) => answer(response), { client });
  assert.equal(wrong.result.failed['GET a: wrong'], wrong.result.sent);
});

test('answers that come late do not make the load lighter, and count from when they were due', async () => {
  const slow: Handler = (_, response, n) => void setTimeout(() => answer(response), n === 0 ? 300 : 0);
  const { result } = await loaded(slow, { connections: 1 }, 20);
  // Those that were due meanwhile waited, and are told to have waited.
  assert.ok(result.max >= 290 && result.p50 > 50, JSON.stringify(result));
});

test('connections are opened anew where the server asks for it, and as often as a client does', async () => {
  const close: Handler = (_, response, n) => {
    if (n % 10 === 9) response.setHeader('connection', 'close');
    answer(response);
  };
  const asked = await loaded(close, { connections: 1 });
  assert.deepEqual(asked.result.failed, {});
  assert.ok(asked.connections >= 3, `${asked.connections} connections`);
  const often = await loaded((_, response) => answer(response), { connections: 1, requestsPerConnection: 5 });
  assert.ok(often.connections >= 5, `${often.connections} connections`);
});

test('versions are counted, and the load ends by itself', async () => {
  const versionOf: LoadOptions['versionOf'] = ({ status }) => String(status);
  const { result } = await loaded((_, response) => answer(response), { versionOf });
  assert.equal(result.byVersion['200'], result.sent);
  const ended = await loaded((_, response) => answer(response), { atMost: 0.1, rate: 1000 }, 200, 50);
  assert.ok(ended.result.sent < 200, `${ended.result.sent} requests`);
});

test('it goes to this machine only', () => {
  for (const url of [
    'http://192.0.2.1',
    'https://auth.example.com',
    'http://localhost.example',
    'http://127.1.example',
  ])
    assert.throws(() => startLoad({ url }), /this machine only/, url);
});
