// engines: postgres
// Headers of answers are the same on every engine.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Answer, expect, PASSWORD, someEmail, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { isProblem } from './oracle.ts';

const APP = 'https://app.example.com';

let server: TestServer;
let user: TestUser;

before(async () => {
  server = await startServer({
    env: { CORS_ORIGIN: `${APP},https://admin.example.com`, PUBLIC_URL: 'https://auth.example.com' },
  });
  user = await server.user();
});

const acao = (answer: Answer) => answer.headers.get('access-control-allow-origin');

test('an origin that is not allowed is told nothing, on success, error and preflight (COR-01)', async () => {
  const strangers = [
    'https://evil.example',
    'null',
    `${APP}.evil.example`,
    'https://evilapp.example.com',
    `${APP}:443`,
    `${APP}/`,
  ];
  for (const origin of [...strangers, 'http://app.example.com', 'https://APP.example.com', '*', '']) {
    const headers = { origin, 'access-control-request-method': 'POST' };
    for (const [method, path] of [
      ['GET', '/me'],
      ['OPTIONS', '/me'],
      ['POST', '/auth/login'],
      ['GET', '/nowhere'],
    ] as const) {
      const answer = await server.call(method, `/api/v1${path}`, { headers, bearer: user.accessToken });
      const told = [...answer.headers.keys()].filter((name) => name.startsWith('access-control-'));
      assert.deepEqual(told, [], `${origin} ${method} ${path}`);
      assert.match(answer.headers.get('vary') ?? '', /Origin/);
    }
  }
});

test('an allowed origin is named, never a wildcard, and may read errors, limits and request ids as well (COR-01, COR-02)', async () => {
  const ask = (method: string, path: string, more = {}) =>
    server.call(method, `/api/v1${path}`, { headers: { origin: APP, ...more }, bearer: user.accessToken });
  for (const answer of [
    await ask('GET', '/me'),
    await ask('GET', '/nowhere'),
    await ask('POST', '/me'),
    await ask('POST', '/auth/login'),
  ]) {
    assert.equal(acao(answer), APP);
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true');
    assert.match(answer.headers.get('access-control-expose-headers') ?? '', /X-Request-Id.*Retry-After.*RateLimit/);
    assert.equal(answer.headers.get('vary'), 'Origin');
  }
});

test('a preflight names the methods and headers that there are, and no others (COR-02)', async () => {
  const headers = { origin: APP, 'access-control-request-method': 'TRACE', 'access-control-request-headers': 'x-evil' };
  const answer = await server.call('OPTIONS', '/api/v1/me', { headers });
  assert.equal(answer.status, 204);
  assert.doesNotMatch(answer.headers.get('access-control-allow-methods') ?? '', /TRACE|\*/);
  assert.doesNotMatch(answer.headers.get('access-control-allow-headers') ?? '', /evil|\*/i);
  assert.match(answer.headers.get('access-control-allow-headers') ?? '', /X-CSRF-Token/);
});

test('every page has the strict policy and its companions, and can be framed by nobody (PAG-01, PAG-02)', async () => {
  const pages = ['/verify-email', '/reset-password', '/confirm-email', '/undo-email', '/setup', '/docs', '/dev/inbox'];
  for (const path of pages) {
    const answer = expect(await server.call('GET', path), 200);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/, path);
    for (const part of ["base-uri 'none'", "frame-ancestors 'none'"])
      assert.ok(policy.includes(part), `${path}: ${policy}`);
    assert.match(policy, /form-action '(none|self)'/, path);
    assert.doesNotMatch(policy, /unsafe|eval|\*|data:|http/, path);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(answer.headers.get('x-frame-options'), 'DENY');
    assert.equal(answer.headers.get('referrer-policy'), 'no-referrer');
    assert.equal(answer.headers.get('cross-origin-opener-policy'), 'same-origin');
    assert.ok(answer.headers.get('permissions-policy'));
    assert.match(answer.headers.get('strict-transport-security') ?? '', /max-age=31536000/);
    // A style of the page's own is allowed by its hash only.
    assert.equal(answer.text.includes('<style'), /style-src 'sha256-/.test(policy), path);
    assert.doesNotMatch(
      answer.text,
      /<script(?![^>]* src=)|\son[a-z]+=|javascript:|https?:\/\/(?!auth\.example\.com|www\.w3\.org)[^"]*\.(js|css)/i,
      path,
    );
  }
});

test('every answer of the API, errors too, has the headers that keep browsers from misreading it (PAG-01)', async () => {
  const answers = [
    await server.get('/me'),
    await server.call('GET', '/nowhere'),
    await server.call('PUT', '/health'),
    await server.call('GET', '/%'),
  ];
  for (const answer of [
    ...answers,
    await server.call('GET', '/health'),
    await server.post('/auth/login', undefined, { raw: '{' }),
  ]) {
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
    assert.equal(answer.headers.get('cross-origin-resource-policy'), 'same-origin');
    assert.ok(answer.headers.get('x-request-id'));
    assert.equal(answer.headers.get('x-powered-by'), null);
    assert.equal(answer.headers.get('server'), null);
  }
});

test('whatever carries a token, a session or a person is not stored by anyone (CAC-01, CAC-03)', async () => {
  const { email, password, accessToken: bearer } = user;
  const signedIn = await server.post('/auth/login', { email, password });
  const cookie = await server.post('/auth/login', { email, password, session: 'cookie' });
  const answers = [
    signedIn,
    cookie,
    await server.post('/auth/refresh', { refresh_token: signedIn.body.refresh_token }),
    await server.post('/auth/reauthenticate', { password }, { bearer }),
    await server.post('/auth/register', { email: someEmail(), password: PASSWORD }),
    ...(await Promise.all(
      ['/me', '/me/sessions', '/me/activity', '/me/trusted-devices'].map((path) => server.get(path, { bearer })),
    )),
    await server.call('POST', '/api/v1/me/export', { bearer }),
  ];
  for (const answer of answers) {
    assert.ok(answer.status < 300, answer.text);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('etag'), null);
  }
  const again = await server.get('/me', {
    bearer,
    headers: { 'if-none-match': '*', 'if-modified-since': new Date().toUTCString() },
  });
  assert.equal(again.status, 200);
});

test('only what is the same for everyone may be kept: keys for minutes, files named by their content for ever', async () => {
  const keys = await server.call('GET', '/.well-known/jwks.json');
  assert.match(keys.headers.get('cache-control') ?? '', /^public, max-age=\d+$/);
  const page = await server.call('GET', '/verify-email');
  for (const [, path] of page.text.matchAll(/(?:src|href)="(\/assets[^"]+)"/g)) {
    const asset = expect(await server.call('GET', path as string), 200);
    assert.match(asset.headers.get('cache-control') ?? '', /immutable/);
    assert.equal(asset.headers.getSetCookie().length, 0);
  }
  isProblem(await server.call('GET', '/assets/pages-0000000000000000.js'), 404, 'not_found');
  isProblem(await server.call('GET', '/assets/../package.json'), 404, 'not_found');
  isProblem(await server.call('GET', '/assets/..%2f..%2fpackage.json'), 404, 'not_found');
});
