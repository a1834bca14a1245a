import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Row } from '../row.ts';
import { type Stack, stack } from '../stack.ts';
import { type Answer, ask, askHttp2 } from './ask.ts';
import { fromAddress } from './client.ts';
import type { ReverseProxy } from './reverse-proxy.ts';

const ONCE = [
  'strict-transport-security',
  'x-content-type-options',
  'x-frame-options',
  'referrer-policy',
  'content-security-policy',
  'x-request-id',
  'cache-control',
];

/** What is true of every answer over TLS, whoever gave it. */
export function expectEdgeHeaders(answer: Answer): void {
  for (const name of ONCE) assert.equal(answer.headers[name]?.length, 1, `${answer.status}: ${name} once`);
  assert.match(answer.headers['strict-transport-security']?.[0] ?? '', /^max-age=31536000; includeSubDomains$/);
  assert.doesNotMatch(answer.headers.server?.[0] ?? '', /\d/, 'no version is told');
}

/** A refusal of the proxy's own has the shape of the server's. */
export function expectProblem(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.body);
  expectEdgeHeaders(answer);
  assert.match(answer.headers['content-type']?.join() ?? '', /^application\/problem\+json/);
  assert.match(answer.headers['cache-control']?.[0] ?? '', /^no-store$/);
  const problem = JSON.parse(answer.body);
  assert.deepEqual(
    { type: problem.type, status: problem.status, code: problem.code, request_id: problem.request_id },
    { type: `urn:auth-api:error:${code}`, status, code, request_id: answer.headers['x-request-id']?.[0] },
  );
  assert.ok(problem.title);
}

export function edgeRows(proxy: ReverseProxy): Row[] {
  return [
    {
      name: `${proxy.name}: every answer has each header once, whoever gave it`,
      async run() {
        const at = await stack();
        const health = await ask(at, '/health');
        assert.equal(health.status, 200);
        expectEdgeHeaders(health);
        expectProblem(await ask(at, '/api/v1/nothing'), 404, 'not_found');
        expectProblem(await ask(at, '/api/v1/me'), 401, 'unauthenticated');
        expectProblem(await ask(at, '/static/nothing.css'), 404, 'not_found');
        const { status, headers } = await askHttp2(at, '/.well-known/jwks.json');
        assert.equal(status, 200, 'HTTP/2');
        assert.equal(headers['x-content-type-options'], 'nosniff');
      },
    },
    {
      name: `${proxy.name}: static files have their type, are kept for a year, and can only be read`,
      async run() {
        const at = await stack();
        const file = 'example.9f2c41.css';
        const answer = await ask(at, `/static/${file}`);
        assert.equal(answer.status, 200);
        assert.equal(answer.body, readFileSync(join(at.folder, 'static', file), 'utf8'));
        assert.match(answer.headers['content-type']?.[0] ?? '', /^text\/css/);
        assert.deepEqual(answer.headers['cache-control'], ['public, max-age=31536000, immutable']);
        expectEdgeHeaders(answer);
        const etag = answer.headers.etag?.[0] ?? '';
        assert.equal((await ask(at, `/static/${file}`, { headers: { 'if-none-match': etag } })).status, 304);
        for (const path of [
          '/static/',
          '/static/../nginx/nginx.conf',
          '/static/%2e%2e/ssl/private.key',
          '/static../ssl/private.key',
        ])
          assert.ok([400, 403, 404].includes((await ask(at, path)).status), path);
        expectProblem(await ask(at, `/static/${file}`, { method: 'POST', body: 'x' }), 405, 'method_not_allowed');
      },
    },
    {
      name: `${proxy.name}: HEAD and OPTIONS go through, TRACE does not; 64 KiB go through, more is a 413`,
      async run() {
        const at = await stack();
        const head = await ask(at, '/health', { method: 'HEAD' });
        assert.deepEqual([head.status, head.body], [200, '']);
        const options = await ask(at, '/api/v1/auth/login', { method: 'OPTIONS' });
        assert.deepEqual([options.status, options.headers.allow], [204, ['POST, OPTIONS']]);
        expectProblem(await ask(at, '/health', { method: 'TRACE' }), 405, 'method_not_allowed');
        const json = { 'content-type': 'application/json' };
        const text = (size: number): string => JSON.stringify('x'.repeat(size - 2));
        const post = (path: string, size: number): Promise<Answer> =>
          ask(at, path, { method: 'POST', headers: json, body: text(size) });
        assert.equal((await post('/api/v1/auth/logout', 64 * 1024)).status, 400, 'read, and found to be no object');
        expectProblem(await post('/api/v1/auth/logout', 64 * 1024 + 1), 413, 'body_too_large');
        assert.equal((await post('/api/v1/admin/imports', 3_000_000)).status, 401, 'imports may be larger');
      },
    },
    {
      name: `${proxy.name}: a caller’s id goes through to the server’s log, a malformed one does not`,
      async run() {
        const at = await stack();
        const id = `from-caller-${proxy.name}-${Date.now()}`;
        const answer = await ask(at, '/api/v1/nothing', { headers: { 'x-request-id': id } });
        assert.deepEqual(answer.headers['x-request-id'], [id]);
        assert.equal((await loggedFor(at, id)).request_id, id);
        for (const bad of ['short', `x${'y'.repeat(70)}`, 'with"quote-and-more', 'a b c d e f g']) {
          const other = await ask(at, '/static/nothing.css', { headers: { 'x-request-id': bad } });
          assert.match(other.headers['x-request-id']?.[0] ?? '', /^[A-Za-z0-9._-]{8,64}$/);
          assert.notEqual(other.headers['x-request-id']?.[0], bad);
        }
      },
    },
    {
      name: `${proxy.name}: the server learns the caller’s true address, whatever the caller says`,
      async run(t) {
        const at = await stack();
        const address = at.env.PROXY_ADDRESS?.replace(/\d+$/, '77') ?? '';
        const id = `address-${proxy.name}-${Date.now()}`;
        const lies: Record<string, string>[] = [
          { 'x-forwarded-for': '6.6.6.6' },
          { 'x-forwarded-for': '6.6.6.6, 7.7.7.7', 'x-real-ip': '6.6.6.6', forwarded: 'for=6.6.6.6' },
          // A header that is named in Connection is not passed on: nor may it be the proxy's own word.
          { connection: 'close, X-Forwarded-For, X-Real-IP', 'x-forwarded-for': '6.6.6.6' },
          { X_Forwarded_For: '6.6.6.6' },
        ];
        const statuses = await fromAddress(
          t,
          at,
          address,
          lies.map((headers, n) => ({
            path: '/api/v1/nothing',
            headers: { ...headers, 'x-request-id': `${id}-${n}` },
          })),
        );
        assert.deepEqual(statuses, [404, 404, 404, 404]);
        for (const n of lies.keys()) assert.equal((await loggedFor(at, `${id}-${n}`)).address, address, `${n}`);
      },
    },
    {
      name: `${proxy.name}: port 80 leads to https, and serves only what Let’s Encrypt asks for`,
      async run() {
        const at = await stack();
        putProof(at);
        const proof = await plain(at.httpPort, '/.well-known/acme-challenge/token-1');
        assert.deepEqual([proof.status, proof.body], [200, 'proof']);
        const led = await plain(at.httpPort, '/api/v1/me?x=1&y=%2F');
        assert.equal(led.status, 308);
        assert.equal(led.location, 'https://localhost/api/v1/me?x=1&y=%2F');
        const stranger = await plain(at.httpPort, '/x', 'evil.test').catch(() => ({ status: 0, location: undefined }));
        assert.ok([0, 403].includes(stranger.status) && !stranger.location, 'no redirect to a name that is not ours');
        const wrongPort = await plain(at.httpsPort, '/health');
        assert.ok([308, 400].includes(wrongPort.status), 'plain HTTP on the port of TLS');
      },
    },
  ];
}

/** Where certbot puts its proof. */
function putProof(at: Stack): void {
  const folder = join(at.folder, 'acme/.well-known/acme-challenge');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'token-1'), 'proof');
}

interface Plain {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

function plain(port: number, path: string, host = 'localhost'): Promise<Plain> {
  return new Promise((done, fail) => {
    const sent = request(
      { host: '127.0.0.1', port, path, headers: { host }, agent: false, timeout: 10_000 },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (part) => {
          body += part;
        });
        answer.on('end', () => done({ status: answer.statusCode ?? 0, location: answer.headers.location, body }));
      },
    );
    sent.on('error', fail).end();
  });
}

/** The line that a server logged for a request; it comes a moment after the answer. */
async function loggedFor(at: Stack, id: string): Promise<{ request_id: string; address: string }> {
  for (let tries = 0; tries < 20; tries++) {
    const { stdout } = await at.compose(
      `logs --no-log-prefix --since 60s app | grep -F '"request_id":"${id}"' || true`,
    );
    const line = stdout.split('\n').find((text) => text.includes(id));
    if (line) return JSON.parse(line.slice(line.indexOf('{'))); // compose puts an escape sequence in front
  }
  throw new Error(`no server has logged ${id}`);
}
