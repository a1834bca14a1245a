// engines: postgres
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { isProblem } from './oracle.ts';
import { ask } from './wire.ts';

const DAY = 24 * 3600;

let server: TestServer;
let user: TestUser;

before(async () => {
  server = await startServer();
  user = await server.user({ session: 'cookie' });
});

function spellings(cookie: string): string[] {
  const value = cookie.slice('session='.length);
  const bytes = Buffer.from(value, 'base64url');
  const flipped = (at: number): string => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy.toString('base64url');
  };
  return [
    '',
    'null',
    'undefined',
    '[object Object]',
    '{}',
    '0',
    value.slice(0, -1),
    value.slice(1),
    `${value}=`,
    `${value}A`,
    `${value}.${value}`,
    value.toUpperCase(),
    bytes.toString('base64'),
    bytes.toString('hex'),
    encodeURIComponent(`${value}=`),
    `"${value}"`,
    `${value}%00`,
    `j:${JSON.stringify({ value })}`,
    `s:${value}.signature`,
    'a'.repeat(8_000),
    ...Array.from({ length: bytes.length }, (_, at) => flipped(at)),
    Buffer.concat([bytes.subarray(0, 16), Buffer.alloc(32), bytes.subarray(48)]).toString('base64url'),
    Buffer.concat([Buffer.alloc(16), bytes.subarray(16)]).toString('base64url'),
    bytes.subarray(0, 48).toString('base64url'),
    Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64url'),
  ].filter((spelling) => spelling !== value); // the two alphabets of base64 may agree on it
}

test('no spelling of the cookie but its own is let in, and none is a 500 (SES-09, I-097)', async () => {
  for (const value of spellings(user.cookie)) {
    const answer = await server.get('/me', { cookie: `session=${value}` });
    isProblem(answer, 401);
  }
  assert.equal((await server.get('/me', { cookie: user.cookie })).status, 200);
});

/** The session queries that happen meanwhile; the feed and the workers ask for other things. */
async function sessionQueries(work: () => Promise<unknown>): Promise<number> {
  const { query } = server.db;
  let asked = 0;
  server.db.query = (text, values) => {
    if (text.includes('auth.sessions')) asked++;
    return query(text, values);
  };
  await work().finally(() => {
    server.db.query = query;
  });
  return asked;
}

test('an invented cookie costs no query, and on what is never counted neither does a good one', async () => {
  server.clock.advance(61); // nothing is remembered now
  const forged = await sessionQueries(async () => {
    for (const value of spellings(user.cookie)) await server.get('/me', { cookie: `session=${value}` });
    const random = randomBytes(64).toString('base64url');
    isProblem(await server.get('/me', { cookie: `session=${random}` }), 401, 'unauthenticated');
  });
  assert.equal(forged, 0);
  const uncounted = await sessionQueries(async () => {
    for (const path of ['/health', '/ready', '/.well-known/jwks.json', '/docs', '/api/v1/openapi.json']) {
      assert.equal((await server.call('GET', path, { cookie: user.cookie })).status, 200);
    }
  });
  assert.equal(uncounted, 0);
  assert.notEqual(await sessionQueries(() => server.get('/me', { cookie: user.cookie })), 0);
});

test('raw bytes in the cookie header are no session either (SES-09, I-097)', async () => {
  for (const bytes of ['\xff\xfe', '\t', ';;;=;', 'session', '=x; session=', 'session=\x80']) {
    const answer = await ask(server, 'GET /api/v1/me HTTP/1.1', 'Host: x', `Cookie: ${bytes}`);
    assert.equal(answer.status, 401, bytes);
  }
});

test("a refresh token, another user's secret or a bearer's session id makes no cookie (SES-09, TOK-09)", async () => {
  const [other, bearer] = [await server.user({ session: 'cookie' }), await server.user()];
  const bytes = (cookie: string) => Buffer.from(cookie.slice('session='.length), 'base64url');
  const crossed = Buffer.concat([bytes(user.cookie).subarray(0, 16), bytes(other.cookie).subarray(16)]);
  const refresh = Buffer.from(bearer.refreshToken.slice(3), 'base64url');
  const values = [crossed, refresh.subarray(0, 64), refresh].map((value) => value.toString('base64url'));
  for (const value of [...values, bearer.refreshToken, bearer.accessToken]) {
    isProblem(await server.get('/me', { cookie: `session=${value}` }), 401);
  }
});

test('a bearer token and a cookie of two sessions in one request conflict; of nobody else the cookie is let pass (TOK-14)', async () => {
  const bearer = await server.user();
  const both = { bearer: bearer.accessToken, cookie: user.cookie };
  isProblem(await server.get('/me', both), 400, 'malformed_request');
  const stale = await server.get('/me', { bearer: bearer.accessToken, cookie: 'session=stale' });
  assert.equal(stale.body.email, bearer.email);
});

test('another scheme or a broken bearer beside a good cookie is a credential that does not stand (TOK-14)', async () => {
  for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer  x', 'Bearer a b', 'bearer\tx', 'Negotiate', 'x']) {
    const answer = await server.get('/me', { cookie: user.cookie, headers: { authorization } });
    isProblem(answer, 401, 'unauthenticated');
  }
});

test('an idle session ends by its idle time and a busy one by its absolute time, whatever its traffic (SES-08)', async () => {
  const [idle, busy] = [await server.user({ session: 'cookie' }), await server.user({ session: 'cookie' })];
  const days = server.config.JWT_REFRESH_EXPIRES_IN / DAY;
  const most = server.config.SESSION_MAX_AGE / DAY;
  assert.ok(days < most);
  for (let day = 1; day < most; day++) {
    server.clock.advance(DAY);
    assert.equal((await server.get('/me', { cookie: busy.cookie })).status, 200, `day ${day}`);
    if (day === days) isProblem(await server.get('/me', { cookie: idle.cookie }), 401, 'session_expired');
  }
  server.clock.advance(DAY);
  isProblem(await server.get('/me', { cookie: busy.cookie }), 401, 'session_expired');
});
