// engines: postgres
// Whether a body is read at all is decided before any storage is asked.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { ask } from './wire.ts';

let server: TestServer;

before(async () => {
  server = await startServer();
});

const SPELLINGS = [
  'application/json\ta',
  'application/json\t; charset=utf-8',
  ' application/json a',
  'application/json garbage',
  'application/json;',
  'application/json;;charset=utf-8',
  'application/json; charset',
  'application/json; charset=',
  'application/json; charset=utf-7',
  'application/json; charset=utf-16',
  'application/json; charset=utf-16le',
  'application/json; charset=iso-8859-1',
  'application/json; charset=utf-8; charset=utf-7',
  'application/json; charset="utf-8',
  'application/json; charset=utf8',
  'application/json; boundary=x',
  'application/json, text/plain',
  'text/plain, application/json',
  'text/plain; application/json',
  'application/jsonx',
  'application/json+x',
  'application/ld+json',
  'application/problem+json',
  'application/vnd.api+json',
  'application/x-json',
  'text/json',
  'text/javascript',
  'text/html',
  'text/xml',
  'json',
  '*/*',
  'application/*',
  'application',
  '/json',
  'application/',
  'application//json',
  'application/json/json',
  'multipart/form-data',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/xml',
  '__proto__',
  'constructor/prototype',
];

// With a field that no schema knows: whoever reads it without validating it would take it.
const send = (...headers: string[]) => {
  const body = JSON.stringify({ email: someEmail(), password: PASSWORD, is_admin: true });
  return ask(
    server,
    'POST /api/v1/auth/register HTTP/1.1',
    'Host: x',
    'Connection: close',
    ...headers,
    `Content-Length: ${body.length}`,
    '',
    body,
  );
};

test('no spelling of a content type lets a body past its validation (INP-08, I-101)', async () => {
  for (const type of SPELLINGS) {
    const answer = await send(`Content-Type: ${type}`);
    assert.ok(answer.status === 415 || answer.status === 400, `${type}: ${answer.status} ${answer.text}`);
    assert.ok(['unsupported_media_type', 'validation_failed', 'malformed_request'].includes(answer.body.code), type);
  }
  const [row] = await server.db.query<{ count: number }>('SELECT count(*)::int AS count FROM auth.users');
  assert.equal(row?.count, 0);
});

test('no content type, an empty one, or two of them, is unsupported (INP-08)', async () => {
  const json = 'Content-Type: application/json';
  for (const headers of [
    [],
    ['Content-Type:'],
    [json, json],
    [json, 'Content-Type: text/plain'],
    ['Content-Type: text/plain', json],
  ]) {
    const answer = await send(...headers);
    assert.deepEqual([answer.status, answer.body.code], [415, 'unsupported_media_type'], headers.join(' | '));
  }
});

test('JSON in UTF-8 is read however the type is capitalised, and then validated (INP-08)', async () => {
  for (const type of [
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json; charset="utf-8"',
  ]) {
    const answer = await send(`Content-Type: ${type}`);
    assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], type);
    assert.deepEqual(answer.body.errors, [{ field: 'is_admin', code: 'unknown', message: 'is not a field here' }]);
  }
});

test('a compressed body is not unpacked: there is no bomb to go off', async () => {
  for (const encoding of ['gzip', 'br', 'deflate', 'zstd']) {
    const answer = await send('Content-Type: application/json', `Content-Encoding: ${encoding}`);
    assert.ok([400, 415].includes(answer.status));
  }
});

test('a body is refused before it is whole: 413 as soon as it is too long, in chunks as well (INP-05)', async () => {
  const announced = await ask(
    server,
    'POST /api/v1/auth/login HTTP/1.1',
    'Host: x',
    'Content-Type: application/json',
    'Content-Length: 70000',
  );
  assert.deepEqual([announced.status, announced.body.code], [413, 'body_too_large']);
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
  const chunked = await ask(
    server,
    'POST /api/v1/auth/login HTTP/1.1',
    'Host: x',
    'Content-Type: application/json',
    'Transfer-Encoding: chunked',
    '',
    `${chunk.repeat(5)}0`,
  );
  assert.deepEqual([chunked.status, chunked.body.code], [413, 'body_too_large']);
});

test('hostile JSON costs no time (INP-05)', async () => {
  const bodies = [
    `${'['.repeat(30_000)}`,
    `${'{"a":'.repeat(10_000)}`,
    `[${'1,'.repeat(30_000)}1]`,
    `{${Array.from({ length: 5_000 }, (_, i) => `"k${i}":1`).join()}}`,
    `"${'\\'.repeat(60_000)}`,
    `{"email":"${'\\u0041'.repeat(10_000)}"}`,
    `${' '.repeat(65_000)}{}`,
    `{"email":"${'a'.repeat(60_000)}"}`,
    `{"email":"${'@'.repeat(60_000)}"}`,
  ];
  for (const raw of bodies) {
    const started = performance.now();
    const answer = await server.post('/auth/login', undefined, { raw });
    assert.equal(answer.status, 400, raw.slice(0, 20));
    assert.ok(performance.now() - started < 500, `${raw.slice(0, 20)}: ${performance.now() - started} ms`);
  }
});
