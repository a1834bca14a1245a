// engines: postgres
// Late commits and lost connections take several connections; the embedded database has one.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { testClock, testDatabase } from '../../../test/kit.ts';
import { openCache } from '../../platform/cache/index.ts';
import { type Db, migrate } from '../../platform/db/index.ts';
import { type Change, type Changes, createChanges, EVERYONE } from './index.ts';

const clock = testClock();
let db: Db;
let drop: () => Promise<void>;
let connect: () => Promise<pg.Client>;
const clients: pg.Client[] = [];

before(async () => {
  const database = await testDatabase();
  ({ db, drop } = database);
  await migrate(db, database.settings as never, clock);
  const { connection } = database.settings as { connection: pg.ClientConfig };
  connect = async () => {
    const { host, port, user, password, database: name } = connection;
    const client = new pg.Client({ host, port, user, password, database: name } as pg.ClientConfig);
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
});

after(async () => {
  for (const client of clients) await client.end().catch(() => undefined);
  await db.close();
  await drop();
});

const INSERT = 'INSERT INTO auth.changes (subject) VALUES ($1) RETURNING subject::text, xid::text';

function feed(on: Db = db): Changes & { errors: unknown[] } {
  const errors: unknown[] = [];
  const cache = openCache(null, { clock, log: null as never });
  return Object.assign(createChanges({ db: on, cache, clock, onError: (error) => errors.push(error) }), { errors });
}

async function started(t: { after(fn: () => Promise<void>): void }, on: Db = db) {
  const changes = feed(on);
  await changes.start();
  t.after(() => changes.stop());
  if (on === db) await behind(changes, []); // what the tests before this one changed for everyone
  return changes;
}

/** Until what happened to the subjects lies behind the feed: an open transaction of any other test holds it back. */
async function behind(changes: Changes, subjects: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 400 && !changes.stands(changes.position(), subjects); tries++) {
    await sleep(50);
    await changes.refresh();
  }
  assert.ok(changes.stands(changes.position(), subjects), 'read anew it stands');
}

async function change(subject: string): Promise<Change> {
  const client = clients[0] ?? (await connect());
  return (await client.query<Change>(INSERT, [subject])).rows[0] as Change;
}

test('what was read stands until its subject changes, and what concerns others does not touch it', async (t) => {
  const changes = await started(t);
  const [ada, bob] = [randomUUID(), randomUUID()];
  const asOf = changes.position();
  assert.ok(changes.stands(asOf, [ada]));
  await change(bob);
  await changes.refresh();
  assert.ok(changes.stands(asOf, [ada]));
  assert.ok(!changes.stands(asOf, [ada, bob]));
  await behind(changes, [ada, bob]);
});

test('a change of what concerns everyone takes everything along', async (t) => {
  const changes = await started(t);
  const asOf = changes.position();
  await change(EVERYONE);
  await changes.refresh();
  assert.ok(!changes.stands(asOf, [randomUUID()]));
});

test('a transaction that began first and commits last is not missed', async (t) => {
  const changes = await started(t);
  const [early, late] = [await connect(), await connect()];
  const [ada, bob] = [randomUUID(), randomUUID()];
  await early.query('BEGIN');
  await early.query(INSERT, [ada]); // has its xid now
  await late.query(INSERT, [bob]);
  await changes.refresh();
  const asOf = changes.position();
  assert.ok(changes.stands(asOf, [ada]), 'not committed yet');
  for (let round = 0; round < 3; round++) await changes.refresh();
  await early.query('COMMIT');
  await changes.refresh();
  assert.ok(!changes.stands(asOf, [ada]), 'what was read while it ran does not stand');
  await behind(changes, [ada, bob]);
});

test('what was read while a change was under way falls with it, whatever was committed in between', async (t) => {
  const changes = await started(t);
  const open = await connect();
  const ada = randomUUID();
  await open.query('BEGIN');
  await open.query(INSERT, [ada]);
  await change(ada);
  await changes.refresh();
  const asOf = changes.position();
  await open.query('COMMIT');
  await changes.refresh();
  assert.ok(!changes.stands(asOf, [ada]));
});

test('of two changes of one subject that overlap, the listeners hear of each when it is committed, and once', async (t) => {
  const changes = await started(t);
  const open = await connect();
  const heard: string[] = [];
  changes.onChange((subject) => heard.push(subject));
  await open.query('BEGIN');
  await open.query(INSERT, [EVERYONE]); // a key is revoked: the lower number
  await change(EVERYONE); // roles change meanwhile
  for (let round = 0; round < 3; round++) await changes.refresh();
  assert.deepEqual(heard, [EVERYONE]);
  await open.query('COMMIT');
  for (let round = 0; round < 3; round++) await changes.refresh();
  assert.deepEqual(heard, [EVERYONE, EVERYONE], 'who read the keys before must read them again');
});

test('a rolled back change changes nothing', async (t) => {
  const changes = await started(t);
  const client = await connect();
  const ada = randomUUID();
  const asOf = changes.position();
  await client.query('BEGIN');
  await client.query(INSERT, [ada]);
  await client.query('ROLLBACK');
  await changes.refresh();
  assert.ok(changes.stands(asOf, [ada]));
});

test('the process that made a change counts it at once, before it has read anything', async (t) => {
  const changes = await started(t);
  const ada = randomUUID();
  const asOf = changes.position();
  changes.announce([await change(ada)]);
  assert.ok(!changes.stands(asOf, [ada]));
});

test('without being told, another process knows within a second', async (t) => {
  const changes = await started(t);
  const ada = randomUUID();
  const heard = new Promise<void>((resolve) => changes.onChange((subject) => subject === ada && resolve()));
  const began = performance.now();
  await change(ada);
  await heard;
  assert.ok(performance.now() - began < 1_000);
});

test('what was read before the feed began is not believed', async (t) => {
  const changes = feed();
  t.after(() => changes.stop());
  assert.ok(!changes.isCurrent());
  assert.ok(!changes.stands(changes.position(), [randomUUID()]));
  await changes.start();
  assert.ok(changes.isCurrent());
  assert.ok(!changes.stands(0n, [randomUUID()]));
});

test('a database that fails, or that does not answer, ends the trust within a second, and its return restores it', async (t) => {
  let mode: 'well' | 'fails' | 'hangs' = 'well';
  let release: () => void = () => undefined;
  const flaky: Db = {
    ...db,
    query: async (text, values) => {
      if (mode === 'fails') throw new Error('connection refused');
      if (mode === 'hangs') await new Promise<void>((resolve) => (release = resolve));
      return db.query(text, values);
    },
  };
  const changes = await started(t, flaky);
  for (const fault of ['fails', 'hangs'] as const) {
    mode = fault;
    const began = performance.now();
    while (changes.isCurrent() && performance.now() - began < 2_000) await pause();
    assert.ok(performance.now() - began < 1_300, `${fault}: ${performance.now() - began} ms`);
    mode = 'well';
    release();
    const back = performance.now();
    while (!changes.isCurrent() && performance.now() - back < 2_000) await pause();
    assert.ok(changes.isCurrent(), `${fault} is over`);
  }
  assert.ok(changes.errors.length > 0, 'the failure was reported');
});

test('a slow answer lends no trust: it counts from when the question was asked', async (t) => {
  let delay = 0;
  const slow: Db = {
    ...db,
    query: async (text, values) => {
      const rows = await db.query(text, values);
      await new Promise((resolve) => setTimeout(resolve, delay));
      return rows as never;
    },
  };
  const changes = await started(t, slow);
  delay = 1_200;
  await changes.refresh();
  await changes.refresh();
  assert.ok(!changes.isCurrent());
  delay = 0;
});

test('a database that goes back takes all that is remembered along, and the listeners begin anew', async (t) => {
  const [ada, bob] = [randomUUID(), randomUUID()];
  let rows: { next: string; subject: string | null; xid: string | null }[] = [];
  const scripted: Db = { ...db, query: async () => rows as never };
  const changes = feed(scripted);
  const heard: string[] = [];
  changes.onChange((subject) => heard.push(subject));
  rows = [{ next: '1000', subject: ada, xid: '999' }];
  await changes.start();
  t.after(() => changes.stop());
  assert.ok(changes.stands(1_000n, [ada, bob]));
  assert.ok(!changes.stands(1_001n, [bob]), 'nothing is read at a position that is still to come');
  assert.ok(changes.believedFrom() < clock.now());

  const asked = async (...answer: typeof rows): Promise<void> => {
    rows = answer;
    for (let round = 0; round < 2; round++) await changes.refresh();
  };
  const before = clock.now();
  await asked({ next: '990', subject: null, xid: null });
  assert.deepEqual(heard, [ada, EVERYONE]);
  assert.equal(changes.position(), 990n);
  assert.ok(!changes.stands(1_000n, [bob]));
  assert.ok(changes.stands(990n, [ada, bob]));
  assert.ok(changes.believedFrom() >= before, 'what was read until now is not believed when the ids come round again');

  await asked({ next: '995', subject: ada, xid: '992' });
  assert.ok(!changes.stands(991n, [ada]), 'a change of a lower id than one that was lost counts');
  assert.ok(changes.stands(991n, [bob]));
});

test('rows that came with a backup from another cluster, whose numbers are far ahead, hide no change of this one', async (t) => {
  const ada = randomUUID();
  const client = clients[0] ?? (await connect());
  const foreign = 'INSERT INTO auth.changes (subject, xid) VALUES ($1, $2::xid8)';
  for (const subject of [ada, EVERYONE]) await client.query(foreign, [subject, '900000000000']);
  t.after(() => client.query('DELETE FROM auth.changes WHERE xid = $1::xid8', ['900000000000']));
  const changes = await started(t);
  const heard: string[] = [];
  changes.onChange((subject) => heard.push(subject));
  const asOf = changes.position();
  assert.ok(changes.stands(asOf, [ada]), 'what is read here can be remembered');
  await change(EVERYONE); // a key was revoked
  await changes.refresh();
  assert.deepEqual(heard, [EVERYONE], 'whoever keeps keys is told');
  assert.ok(!changes.stands(asOf, [ada]));
});

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
