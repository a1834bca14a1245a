// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { CollectedRoute } from '../../../src/platform/http/server.ts';
import { type Answer, type CallOptions, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { badBodies } from './bodies.ts';
import { contents, isProblem } from './oracle.ts';

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const SOME_ID = '019abcde-0000-7000-8000-000000000001';

let server: TestServer;
let admin: TestUser;
let routes: readonly CollectedRoute[];

before(async () => {
  server = await startServer();
  admin = await server.admin();
  routes = server.app.house.routes;
});

const pathOf = (url: string): string => url.replace(/:[a-z_]+/g, SOME_ID);

/** Sends all of them, several at once, and checks each. */
async function each<T>(
  cases: readonly T[],
  send: (one: T) => Promise<Answer>,
  check: (one: T, answer: Answer) => void,
) {
  for (let at = 0; at < cases.length; at += 16) {
    const some = cases.slice(at, at + 16);
    const answers = await Promise.all(some.map(send));
    for (const [index, answer] of answers.entries()) check(some[index] as T, answer);
  }
}

const unsafe = () => routes.filter((route) => UNSAFE.has(route.method));

async function sweep(
  credentials: CallOptions,
  codes: (route: CollectedRoute) => readonly number[],
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  const cases = unsafe().flatMap((route) =>
    badBodies(route)
      .slice(-most)
      .map((bad) => ({ route, bad })),
  );
  await each(
    cases,
    ({ route, bad }) => server.call(route.method, pathOf(route.url), { ...credentials, ...bad.sent }),
    ({ route, bad }, answer) => {
      try {
        isProblem(answer, codes(route));
      } catch (error) {
        throw new Error(`${route.method} ${route.url} with ${bad.what}: ${(error as Error).message}`, { cause: error });
      }
    },
  );
  return cases.length;
}

test('no bad body gets past any route, whoever sends it: a 4xx problem, and nothing is written (INP-01, INP-03, INP-05, INP-11)', async () => {
  const before = await contents(server);
  const sent = await sweep({ bearer: admin.accessToken }, () => [400, 413, 415]);
  assert.ok(sent > 500, `${sent} cases`);
  assert.deepEqual(await contents(server), before);
  assert.equal((await server.get('/me', { bearer: admin.accessToken })).status, 200);
  assert.equal(({} as Record<string, unknown>).admin, undefined, 'Object.prototype is clean');
});

test('without credentials no bad body is even read where a session is needed', async () => {
  const before = await contents(server);
  await sweep({}, ({ rules }) => (rules.access === 'public' ? [400, 401, 413, 415] : [401]), 24);
  assert.deepEqual(await contents(server), before);
});

test('a body where none belongs is refused, not ignored', async () => {
  const bare = unsafe().filter((route) => route.schema.body === undefined);
  assert.ok(bare.length >= 3);
  for (const route of bare) {
    const answer = await server.call(route.method, pathOf(route.url), { bearer: admin.accessToken, body: { id: 'x' } });
    isProblem(answer, 400, 'validation_failed');
    assert.deepEqual(answer.body.errors, [{ field: 'id', code: 'unknown', message: 'is not a field here' }]);
  }
});

const QUERIES = [
  'limit=-1',
  'limit=0',
  'limit=101',
  'limit=1000000000',
  'limit=1.5',
  'limit=NaN',
  'limit=1e400',
  'limit=0x10',
  'limit=',
  'limit=1&limit=2',
  'limit[]=1',
  'limit[a]=1',
  'cursor=a&cursor=b',
  'cursor=%00',
  'cursor=%ff',
  'cursor=%ED%A0%80',
  "cursor=' OR 1=1--",
  `cursor=${'a'.repeat(5000)}`,
  'sort=password_hash',
  '__proto__=1',
  'constructor=1',
  '__proto__[admin]=1',
  'surprise=1',
];

test('lists refuse every query that they do not know (INP-01, INP-04, INP-12, INP-16)', async () => {
  const lists = routes.filter((route) => {
    const query = route.schema.querystring as { properties?: Record<string, unknown> } | undefined;
    return route.method === 'GET' && query?.properties?.cursor !== undefined;
  });
  assert.ok(lists.length >= 3);
  const before = await contents(server);
  const cases = lists.flatMap(({ url }) => QUERIES.map((query) => ({ url, query })));
  await each(
    cases,
    ({ url, query }) => server.call('GET', `${pathOf(url)}?${encodeURI(query)}`, { bearer: admin.accessToken }),
    ({ url, query }, answer) => {
      // What sits in the place of an id is nobody's: then the answer may be that there is no such thing.
      assert.ok(answer.status >= 400 && answer.status < 500, `${url}?${query}: ${answer.status} ${answer.text}`);
      isProblem(answer, url.includes(':') ? [400, 404] : 400);
    },
  );
  assert.deepEqual(await contents(server), before);
});

const IDS = [
  'x',
  '0',
  '-1',
  'null',
  '%00',
  '%ff',
  "1'--",
  '..%2f..%2fme',
  SOME_ID.toUpperCase(),
  `{${SOME_ID}}`,
  'a'.repeat(64),
  'a'.repeat(300),
];

test('an id in a path that is no id of ours is a 400 or a 404, in whatever form it comes (INP-16)', async () => {
  const before = await contents(server);
  const withIds = routes.filter((route) => route.url.includes(':') && !route.rules.hidden);
  const cases = withIds.flatMap((route) => IDS.map((id) => ({ route, id })));
  await each(
    cases,
    ({ route, id }) =>
      server.call(route.method, route.url.replace(/:[a-z_]+/g, encodeURI(decodeLoosely(id))), {
        bearer: admin.accessToken,
        headers: { 'if-match': '"1"' },
      }),
    ({ route, id }, answer) => {
      assert.ok(
        answer.status >= 400 && answer.status < 500,
        `${route.method} ${route.url} with ${id}: ${answer.status} ${answer.text}`,
      );
    },
  );
  assert.deepEqual(await contents(server), before);
});

// What is escaped already stays as it is.
function decodeLoosely(id: string): string {
  return id.includes('%') ? id : decodeURIComponent(id);
}
