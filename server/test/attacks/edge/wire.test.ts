// engines: postgres
// What the HTTP parser and the router make of bytes has nothing to do with the engine below.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { answersIn, ask, exchange, type RawAnswer } from './wire.ts';

let server: TestServer;
let ada: TestUser;
let bob: TestUser;

before(async () => {
  server = await startServer();
  [ada, bob] = [await server.user(), await server.user({ session: 'cookie' })];
});

const HOST = 'Host: localhost';
const LOGIN = 'POST /api/v1/auth/login HTTP/1.1';
const JSON_TYPE = 'Content-Type: application/json';

function isRawProblem(answer: RawAnswer | undefined, status: number, code: string): void {
  assert.ok(answer, 'there is an answer');
  assert.deepEqual([answer.status, answer.body?.code, answer.body?.status], [status, code, status], answer.text);
  assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['x-request-id'], answer.body.request_id);
}

test('requests of several users in one write on one connection get each its own answer, in order (SMU-03)', async () => {
  const get = (path: string, ...headers: string[]) => [`GET ${path} HTTP/1.1`, HOST, ...headers, '', ''].join('\r\n');
  const asAda = get('/api/v1/me', `Authorization: Bearer ${ada.accessToken}`);
  const asBob = get('/api/v1/me', `Cookie: ${bob.cookie}`);
  const asNobody = get('/api/v1/me');
  const heard = await exchange(server, (asAda + asBob + asNobody).repeat(20));
  const answers = answersIn(heard);
  assert.equal(answers.length, 60);
  for (const [index, answer] of answers.entries()) {
    const owner = [ada.email, bob.email, undefined][index % 3];
    assert.equal(answer.body.email, owner);
    assert.equal(answer.status, owner === undefined ? 401 : 200);
  }
});

test('garbage behind a request is never taken for the answer to it (SMU-03)', async () => {
  const first = `GET /api/v1/me HTTP/1.1\r\n${HOST}\r\nAuthorization: Bearer ${ada.accessToken}\r\n\r\n`;
  const answers = answersIn(await exchange(server, `${first}GARBAGE\r\n\r\n`));
  assert.ok(answers.length === 0 || answers[0]?.body.email === ada.email);
});

const AMBIGUOUS: Record<string, string[]> = {
  'Content-Length beside Transfer-Encoding': [
    LOGIN,
    HOST,
    JSON_TYPE,
    'Content-Length: 2',
    'Transfer-Encoding: chunked',
    '',
    '0',
  ],
  'two Content-Lengths': [LOGIN, HOST, JSON_TYPE, 'Content-Length: 2', 'Content-Length: 3', '', '{}'],
  'a Content-Length with a sign': [LOGIN, HOST, JSON_TYPE, 'Content-Length: +2', '', '{}'],
  'a Content-Length with letters': [LOGIN, HOST, JSON_TYPE, 'Content-Length: 2a', '', '{}'],
  'an unknown Transfer-Encoding': [LOGIN, HOST, JSON_TYPE, 'Transfer-Encoding: xchunked', '', '0'],
  'a chunk size that is none': [LOGIN, HOST, JSON_TYPE, 'Transfer-Encoding: chunked', '', 'zz', '{}', '0'],
  'a folded header': ['GET /health HTTP/1.1', HOST, 'A: b', ' c'],
  'a space before the colon': ['GET /health HTTP/1.1', HOST, 'Content-Length : 2'],
  'a method that there is not': ['FOO /health HTTP/1.1', HOST],
  'another protocol version': ['GET /health HTTP/3.7', HOST],
  'no Host': ['GET /health HTTP/1.1'],
  'two Hosts': ['GET /health HTTP/1.1', HOST, 'Host: evil.example'],
  'a target that cannot be decoded': ['GET /% HTTP/1.1', HOST],
  'an encoding of no character': ['GET /api/v1/me/sessions/%ff HTTP/1.1', HOST],
};

for (const [what, lines] of Object.entries(AMBIGUOUS)) {
  test(`a request with ${what} is a 400 problem (SMU-01, I-107)`, async () => {
    isRawProblem(await ask(server, ...lines), 400, 'malformed_request');
  });
}

test('bare line feeds are no line ends (SMU-01)', async () => {
  const [answer] = answersIn(await exchange(server, `GET /health HTTP/1.1\nHost: x\n\n`));
  isRawProblem(answer, 400, 'malformed_request');
});

test('what follows an ambiguous request on its connection is not answered (SMU-01)', async () => {
  const hidden = `GET /api/v1/me HTTP/1.1\r\n${HOST}\r\nAuthorization: Bearer ${ada.accessToken}\r\n\r\n`;
  const heard = await exchange(
    server,
    `${LOGIN}\r\n${HOST}\r\n${JSON_TYPE}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  );
  assert.ok(!heard.includes(ada.email));
  assert.equal(answersIn(heard).length, 1);
});

test('headers beyond the limit, a bearer of 100 KB or 10 MB among them, are a 431 problem (TOK-15)', async () => {
  for (const length of [20_000, 100_000, 10_000_000]) {
    const answer = await ask(server, 'GET /api/v1/me HTTP/1.1', HOST, `Authorization: Bearer ${'a'.repeat(length)}`);
    isRawProblem(answer, 431, 'headers_too_large');
  }
});

test('headers and cookies named as members of objects are only names (INP-01, INP-02, I-105)', async () => {
  const odd = [
    '__proto__: x',
    'constructor: y',
    'toString: z',
    'hasOwnProperty: 1',
    'Cookie: __proto__=1; constructor=2',
  ];
  const answer = await ask(server, 'GET /api/v1/me HTTP/1.1', HOST, ...odd, `Authorization: Bearer ${ada.accessToken}`);
  assert.equal(answer.status, 200);
  assert.equal(answer.body.email, ada.email);
});

test('TRACE, CONNECT and what only other protocols use are refused with the methods that there are (INP-15)', async () => {
  for (const method of ['TRACE', 'PROPFIND', 'PURGE', 'PATCH', 'DELETE', 'LINK']) {
    const answer = await ask(server, `${method} /health HTTP/1.1`, HOST);
    isRawProblem(answer, 405, 'method_not_allowed');
    assert.equal(answer.headers.allow, 'GET, HEAD, OPTIONS');
    assert.ok(!answer.text.includes(HOST), 'TRACE shows nobody what a browser sent');
  }
  isRawProblem(await ask(server, 'CONNECT evil.example:443 HTTP/1.1', HOST), 405, 'method_not_allowed');
});

test('Expect: 100-continue is answered, and an unknown expectation is no reason to refuse', async () => {
  const body = ['Content-Length: 2', JSON_TYPE, '', '{}'].join('\r\n');
  const told = answersIn(await exchange(server, `${LOGIN}\r\n${HOST}\r\nExpect: 100-continue\r\n${body}`));
  assert.deepEqual(
    told.map(({ status }) => status),
    [100, 400],
  );
  const odd = answersIn(await exchange(server, `${LOGIN}\r\n${HOST}\r\nExpect: magic\r\n${body}`));
  isRawProblem(odd[0], 400, 'validation_failed');
});

test('who is refused is told before the body is sent: no 100 Continue without a reader', async () => {
  const heard = await exchange(
    server,
    `POST /api/v1/me/email HTTP/1.1\r\n${HOST}\r\nContent-Length: 1000000000\r\n${JSON_TYPE}\r\n\r\n{`,
  );
  isRawProblem(answersIn(heard)[0], 401, 'unauthenticated');
});

test('an upgrade that nobody offers changes nothing', async () => {
  const answer = await ask(server, 'GET /health HTTP/1.1', HOST, 'Connection: upgrade', 'Upgrade: h2c');
  assert.equal(answer.status, 200);
});

test('after all of this the server still answers', async () => {
  assert.equal((await server.call('GET', '/health')).status, 200);
});
