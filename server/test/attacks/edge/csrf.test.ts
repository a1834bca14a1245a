// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { CollectedRoute } from '../../../src/platform/http/server.ts';
import { expect, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { contents, isProblem } from './oracle.ts';

const SOME_ID = '019abcde-0000-7000-8000-000000000001';
const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const APP = 'https://app.example.com';

let server: TestServer;
let user: TestUser;
let other: TestUser;

before(async () => {
  server = await startServer({ env: { CORS_ORIGIN: APP } });
  [user, other] = [await server.user({ session: 'cookie' }), await server.user({ session: 'cookie' })];
});

const unsafe = (): CollectedRoute[] => server.app.house.routes.filter((route) => UNSAFE.has(route.method));
const pathOf = (url: string): string => url.replace(/:[a-z_]+/g, SOME_ID);

const CROSS_SITE: Record<string, Record<string, string>> = {
  'another site': { origin: 'https://evil.example' },
  null: { origin: 'null' },
  'the other scheme': { origin: 'https://localhost:3000' },
  'another port': { origin: 'http://localhost:3001' },
  'a sub-domain': { origin: 'http://evil.localhost:3000' },
  'a look-alike by suffix': { origin: 'http://localhost:3000.evil.example' },
  'a look-alike by prefix': { origin: 'http://xlocalhost:3000' },
  'a look-alike of the application': { origin: 'https://app.example.com.evil.example' },
  'ours with a slash': { origin: 'http://localhost:3000/' },
  'ours twice': { origin: 'http://localhost:3000, http://localhost:3000' },
  'Sec-Fetch-Site cross-site': { 'sec-fetch-site': 'cross-site' },
  'Sec-Fetch-Site same-site': { 'sec-fetch-site': 'same-site' },
  'Sec-Fetch-Site of no meaning': { 'sec-fetch-site': 'same-origin, cross-site' },
};

for (const [what, headers] of Object.entries(CROSS_SITE)) {
  test(`no unsafe route takes a request whose origin is ${what}, login and refresh among them (CSRF-01, CSRF-02, CSRF-03, RT-09)`, async () => {
    for (const route of unsafe()) {
      const more = { 'x-csrf-token': user.csrf, ...headers };
      const answer = await server.call(route.method, pathOf(route.url), { cookie: user.cookie, headers: more });
      isProblem(answer, 403, 'origin_not_allowed');
    }
  });
}

test('forms of other sites, of every type that a form can have, change nothing (CSRF-01)', async () => {
  const before = await contents(server);
  const types = ['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'];
  for (const route of unsafe()) {
    for (const type of types) {
      // As an old browser sends it: no Origin, no Sec-Fetch-Site, only the cookie.
      const answer = await server.call(route.method, pathOf(route.url), {
        cookie: user.cookie,
        raw: '{"a":"="}',
        type,
      });
      isProblem(answer, [403, 415]);
    }
  }
  assert.deepEqual(await contents(server), before);
});

test('every route that takes a cookie session wants its CSRF token, and only its own (CSRF-04, I-102, I-103)', async () => {
  const preLogin = (await server.post('/auth/login', { email: 'x@example.com', password: 'x' })).body.csrf_token;
  assert.equal(preLogin, undefined);
  const before = await contents(server);
  const wrong = [undefined, '', 'x', other.csrf, `${user.csrf}, ${user.csrf}`, `${user.csrf}x`, user.csrf.slice(1)];
  const signedInOnly = unsafe().filter(({ rules }) => rules.access === 'session');
  assert.ok(signedInOnly.length > 8);
  for (const route of [...signedInOnly, ...unsafe().filter(({ url }) => url.endsWith('/auth/logout'))]) {
    for (const token of wrong) {
      const headers = { origin: 'http://localhost:3000', ...(token === undefined ? {} : { 'x-csrf-token': token }) };
      const answer = await server.call(route.method, pathOf(route.url), { cookie: user.cookie, headers });
      isProblem(answer, 403, 'csrf_invalid');
    }
  }
  assert.deepEqual(await contents(server), before);
});

test('the CSRF token counts in its header only: not in the query, a cookie or the body (CSRF-04)', async () => {
  const cookie = `${user.cookie}; csrf_token=${user.csrf}; x-csrf-token=${user.csrf}`;
  const path = `/api/v1/me?csrf_token=${user.csrf}&x-csrf-token=${user.csrf}`;
  isProblem(
    await server.call('PATCH', path, { cookie, body: { name: 'E', csrf_token: user.csrf } }),
    403,
    'csrf_invalid',
  );
});

test('with its token, from our own pages or an allowed application, a cookie session may do everything', async () => {
  for (const origin of ['http://localhost:3000', APP]) {
    const headers = { origin, 'x-csrf-token': user.csrf };
    const answer = await server.call('PATCH', '/api/v1/me', { cookie: user.cookie, headers, body: { name: 'Ada' } });
    expect(answer, 200);
  }
  const got = await server.get('/auth/csrf', { cookie: user.cookie });
  assert.equal(got.body.csrf_token, user.csrf);
});

test('a bearer token needs no CSRF token, since no other site can send it', async () => {
  const bearer = await server.user();
  expect(await server.call('PATCH', '/api/v1/me', { bearer: bearer.accessToken, body: { name: 'B' } }), 200);
  isProblem(await server.get('/auth/csrf', { bearer: bearer.accessToken }), 400, 'malformed_request');
});

test('no GET or HEAD changes anything, and no header or field turns one into another method (CSRF-05, HDR-02)', async () => {
  const before = await contents(server);
  const headers = {
    'x-http-method-override': 'DELETE',
    'x-http-method': 'DELETE',
    'x-method-override': 'DELETE',
    'x-csrf-token': user.csrf,
  };
  for (const route of server.app.house.routes) {
    for (const method of ['GET', 'HEAD']) {
      const path = `${pathOf(route.url)}?_method=DELETE&method=DELETE`;
      const answer = await server.call(method, path, { cookie: user.cookie, headers });
      assert.ok(answer.status < 500, `${method} ${route.url}: ${answer.status}`);
      if (UNSAFE.has(route.method) && answer.status === 405) assert.ok(answer.headers.get('allow'));
    }
  }
  assert.deepEqual(await contents(server), before);
  assert.equal((await server.get('/me', { cookie: user.cookie })).status, 200);
});
