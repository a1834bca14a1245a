// engines: postgres
// Only there processes share a cache.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer, type TestServer, type TestUser, untilRemembered } from '../../../test/kit.ts';
import type { Db } from '../../platform/db/index.ts';
import { type Changes, createChanges } from '../changes/index.ts';
import { readCookieValue } from './cookie-value.ts';
import { createPrincipals } from './principals.ts';

let server: TestServer;
let eve: TestUser;
let ada: TestUser;

before(async () => {
  server = await startServer();
  assert.equal(server.app.house.cache.status().kind, 'redis');
  [eve, ada] = [await server.user({ session: 'cookie' }), await server.user({ session: 'cookie' })];
  await untilRemembered(server, [idOf(eve), eve.id, idOf(ada), ada.id]);
});

const idOf = ({ cookie }: TestUser): string =>
  readCookieValue(cookie.slice('session='.length), server.config.SESSION_SECRET)?.sessionId as string;
const shared = (user: TestUser) => server.app.house.cache.get(`session:2:${idOf(user)}`);

/** Another process on the same database and Redis; it counts how often it asks PostgreSQL. */
function another(parts: { secrets?: string[]; changes?: Changes; ahead?: number } = {}) {
  const { db, cache, changes, clock, metrics } = server.app.house;
  let asked = 0;
  const query: Db['query'] = (text, values) => {
    asked++;
    return db.query(text, values);
  };
  const principals = createPrincipals({
    db: { ...db, query },
    cache,
    metrics,
    changes: parts.changes ?? changes,
    clock: { now: () => clock.now() + (parts.ahead ?? 0) },
    secrets: parts.secrets ?? server.config.SESSION_SECRET,
  });
  return {
    load: principals.load,
    /** The address that a session belongs to, and the queries that it took. */
    async get(user: TestUser): Promise<[email: string | undefined, queries: number]> {
      const former = asked;
      return [(await principals.get(idOf(user)))?.principal.user.email, asked - former];
    },
  };
}

/** What `writer` shares, a `reader` takes without a query: soon, for a Redis that is slow for a moment counts as a miss. */
async function believes(
  writer: ReturnType<typeof another>,
  newReader: () => ReturnType<typeof another>,
): Promise<boolean> {
  for (let tries = 0; tries < 50; tries++) {
    await writer.load(idOf(eve));
    const [email, queries] = await newReader().get(eve);
    assert.equal(email, eve.email);
    if (queries === 0) return true;
    await sleep(100);
  }
  return false;
}

test('what one process shares another believes, under any secret of its list', async () => {
  assert.ok(await believes(another(), () => another()));
  assert.ok(await believes(another(), () => another({ secrets: ['young', ...server.config.SESSION_SECRET] })));
});

test('who can write to Redis is nobody else for it: an entry without our MAC is as good as absent', async () => {
  await another().load(idOf(eve));
  await another().load(idOf(ada));
  let [own, other] = [await shared(eve), await shared(ada)];
  for (let tries = 0; tries < 50 && (own === null || other === null); tries++) {
    await sleep(100);
    for (const user of [eve, ada]) await another().load(idOf(user));
    [own, other] = [await shared(eve), await shared(ada)];
  }
  assert.ok(own !== null && other !== null);
  const [mac, text] = [own.slice(0, own.indexOf('.')), own.slice(own.indexOf('.') + 1)];
  const entry = JSON.parse(text);
  const forged = JSON.stringify({
    ...entry,
    principal: { ...entry.principal, user: { id: ada.id, email: ada.email } },
  });
  for (const planted of [
    forged,
    `.${forged}`,
    `${mac}.${forged}`,
    `${mac}.${text} `,
    `${mac}=.${text}`,
    other,
    '',
    '.',
  ]) {
    await server.app.house.cache.set(`session:2:${idOf(eve)}`, planted, 60);
    assert.deepEqual(await another().get(eve), [eve.email, 1], planted);
  }
  await another({ secrets: ['of somebody else'] }).load(idOf(eve));
  assert.deepEqual(await another().get(eve), [eve.email, 1]);
});

test('an entry from the future, by its time or by its position, does not stand', async () => {
  assert.ok(await believes(another({ ahead: 55_000 }), () => another()));
  await another({ ahead: 65_000 }).load(idOf(eve));
  assert.deepEqual(await another().get(eve), [eve.email, 1]);
  const { changes } = server.app.house;
  await another({ changes: { ...changes, position: () => changes.position() + 1_000_000n } }).load(idOf(eve));
  assert.deepEqual(await another().get(eve), [eve.email, 1]);
});

test('after a failover that lost transactions nothing remembered stands, also when their ids have come round again', async (t) => {
  const { db, cache, clock } = server.app.house;
  let next = 1_000;
  const query = async () => [{ next: String(next), subject: null, xid: null }] as never;
  const changes = createChanges({ db: { ...db, query }, cache, clock, onError: assert.ifError });
  await changes.start();
  t.after(() => changes.stop());
  const reach = async (position: number): Promise<void> => {
    next = position;
    await changes.refresh();
    await changes.refresh();
  };
  const process = another({ changes });
  assert.equal((await process.get(ada))[1], 1);
  assert.deepEqual(await process.get(ada), [ada.email, 0]);
  const former = (await shared(ada)) ?? '';
  for (const position of [990, 1_000, 1_010]) {
    await reach(position);
    await cache.set(`session:2:${idOf(ada)}`, former, 60);
    assert.deepEqual(await another({ changes }).get(ada), [ada.email, 1], `shared, at ${position}`);
    assert.deepEqual(await process.get(ada), [ada.email, 1], `remembered, at ${position}`);
  }
  server.clock.advance(6);
  await sleep(1);
  assert.equal((await process.get(ada))[1], 1);
  assert.deepEqual(await process.get(ada), [ada.email, 0], 'what was read since then is remembered again');
});
