// engines: postgres
// Which route a target reaches is decided before any storage is asked.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { ask, type RawAnswer } from './wire.ts';

const SOME_ID = '019abcde-0000-7000-8000-000000000001';

let server: TestServer;
let user: TestUser;

before(async () => {
  server = await startServer({ env: { CORS_ORIGIN: '*' } });
  user = await server.user();
});

/** Other ways to write a path: some reach the same route, most none; none may reach it past its guard. */
function spellings(path: string): string[] {
  const [, first = '', ...rest] = path.split('/');
  const tail = rest.join('/');
  const last = path.slice(path.lastIndexOf('/') + 1);
  const stem = path.slice(0, path.lastIndexOf('/'));
  const encoded = (text: string) => [...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
  return [
    `/${path}`,
    path.replaceAll('/', '//'),
    `${path}/`,
    `${path}//`,
    `/.${path}`,
    `/./${first}/./${tail}`,
    `/x/..${path}`,
    `/health/..${path}`,
    `/health/%2e%2e${path}`,
    `/health/%2E%2E/${first}/${tail}`,
    `/health/..%2f${first}/${tail}`,
    `/docs/..;${path}`,
    `${stem}/%2e/${last}`,
    `${stem}%2f${last}`,
    `${stem}%252f${last}`,
    `${stem}\\${last}`,
    `${stem}%5c${last}`,
    `${stem}/${encoded(last)}`,
    `/${encoded(first)}/${tail}`,
    `${path};a`,
    `${path};jsessionid=1`,
    `${path}.`,
    `${path}.json`,
    `${path}.css`,
    `${path}/x.css`,
    `${path}%00`,
    `${path}%20`,
    `${path}%0a`,
    `${path}%0d%0aX-Injected:1`,
    `${path}%3f`,
    `${path}%23`,
    `${path}?`,
    `${path}?/health`,
    `${path}#/health`,
    path.toUpperCase(),
    `${stem}/${last.toUpperCase()}`,
    `http://localhost:3000${path}`,
    `http://evil.example${path}`,
    `https://localhost:3000/${path}`,
  ];
}

test('thirty-nine spellings of every protected route let nobody in without a credential (INP-14, CAC-02, I-098, I-099)', async () => {
  const guarded = server.app.house.routes.filter(({ rules }) => rules.access !== 'public');
  assert.ok(guarded.length > 8);
  const cases = guarded.flatMap(({ method, url }) =>
    spellings(url.replace(/:[a-z_]+/g, SOME_ID)).map((target) => ({ method, target })),
  );
  for (let at = 0; at < cases.length; at += 25) {
    await Promise.all(
      cases.slice(at, at + 25).map(async ({ method, target }) => {
        const answer = await ask(server, `${method} ${target} HTTP/1.1`, 'Host: localhost:3000', 'Connection: close');
        assert.ok([400, 401, 404, 405].includes(answer.status), `${method} ${target}: ${answer.status} ${answer.text}`);
        assert.equal(answer.headers['x-injected'], undefined);
      }),
    );
  }
});

test('a spelling either is the route, with its owner’s answer, or nothing at all (INP-14)', async () => {
  for (const target of spellings('/api/v1/me')) {
    const answer = await ask(
      server,
      `GET ${target} HTTP/1.1`,
      'Host: x',
      'Connection: close',
      `Authorization: Bearer ${user.accessToken}`,
    );
    if (answer.status === 200) assert.equal(answer.body.email, user.email, target);
    else assert.ok([400, 404].includes(answer.status), `${target}: ${answer.status}`);
    assert.equal(answer.headers['cache-control'], 'no-store', target);
  }
});

test('a page of mine that is asked for as a style sheet is not there, so that no cache keeps it (CAC-02)', async () => {
  for (const path of ['/me/x.css', '/me;x.css', '/me%0a.css', '/me%2fx.js', '/me/sessions/x.png', '/me.json']) {
    const answer = await server.get(path, { bearer: user.accessToken });
    assert.ok([404, 405].includes(answer.status), `${path}: ${answer.status}`);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
  }
});

test('the inbox of development is read by no other origin, however its path is spelled', async () => {
  const origin = 'https://evil.example';
  for (const path of ['/dev/inbox/messages', '/%64ev/inbox/messages', '/dev/%69nbox/messages']) {
    const answer = await server.call('GET', path, { headers: { origin } });
    assert.equal(answer.headers.get('access-control-allow-origin'), null, path);
  }
  const absolute = await ask(server, 'GET http://x/dev/inbox/messages HTTP/1.1', 'Host: x', `Origin: ${origin}`);
  assert.equal(absolute.headers['access-control-allow-origin'], undefined);
});

test('every path answers HEAD as GET without its body, and nothing where there is no GET', async () => {
  for (const { method, url } of server.app.house.routes) {
    if (url.includes(':')) continue;
    const credentials = { bearer: user.accessToken };
    const head = await server.call('HEAD', url, credentials);
    assert.equal(head.text, '');
    if (method !== 'GET') continue;
    const got = await server.call('GET', url, credentials);
    assert.equal(head.status, got.status, url);
    assert.equal(head.headers.get('content-type'), got.headers.get('content-type'), url);
  }
});

test('every path says which methods it takes: in Allow of a 405, and to OPTIONS (INP-15)', async () => {
  const { routes } = server.app.house;
  for (const url of new Set(routes.map((route) => route.url))) {
    const path = url.replace(/:[a-z_]+/g, SOME_ID);
    // A path with a name in it is also one of those that take an id in its place.
    const taken = routes.filter((route) => isOneOf(path, route.url)).map(({ method }) => method);
    // What changes something at a GET (a redirect that begins or ends a sign-in) has no HEAD.
    const hasHead = server.app.http.hasRoute({ method: 'HEAD', url });
    const expected = [...taken, ...(hasHead ? ['HEAD'] : []), 'OPTIONS'].sort();
    const options: RawAnswer = await ask(server, `OPTIONS ${path} HTTP/1.1`, 'Host: x', 'Connection: close');
    assert.equal(options.status, 204, path);
    assert.deepEqual(options.headers.allow?.split(', ').sort(), expected, path);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((one) => !taken.includes(one))) {
      const answer = await server.call(method, path);
      assert.deepEqual([answer.status, answer.body.code], [405, 'method_not_allowed'], `${method} ${path}`);
      assert.deepEqual(answer.headers.get('allow')?.split(', ').sort(), expected);
    }
  }
  assert.equal((await server.call('OPTIONS', '/nowhere')).status, 404);
  assert.equal((await ask(server, 'OPTIONS * HTTP/1.1', 'Host: x')).status, 204);
});

function isOneOf(path: string, pattern: string): boolean {
  return new RegExp(`^${pattern.replace(/[.*]/g, '\\$&').replace(/:[a-z_]+/g, '[^/]+')}$`).test(path);
}
