// engines: none
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../platform/db/index.ts';
import { createReading, FLAGS } from './reading.ts';

/** A feed and a database that do as they are told, and count the questions. */
function scene() {
  const state = { isCurrent: true, position: 10n, changedAt: 0n, believedFrom: -1, value: true, queries: 0 };
  const listeners: ((subject: string) => unknown)[] = [];
  const tell = (subject: string) => listeners.forEach((listener) => void listener(subject));
  let answer: () => Promise<void> = async () => undefined;
  const changes = {
    isCurrent: () => state.isCurrent,
    position: () => state.position,
    believedFrom: () => state.believedFrom,
    onChange: (listener: (subject: string) => unknown) => void listeners.push(listener),
    stands: (asOf: bigint, subjects: readonly string[]) => {
      assert.deepEqual(subjects, [FLAGS]);
      return state.changedAt < asOf;
    },
  };
  const db = {
    query: async () => {
      state.queries++;
      const row = { key: 'own', description: '', enabled: true, fallback: state.value, rules: [] };
      await answer();
      return [{ ...row, updated_at: new Date(0) }];
    },
  } as unknown as Db;
  const reading = createReading({ db, changes, clock: { now: () => 1_000 } });
  const value = async () => (await reading.now()).get('own')?.default;
  return { state, reading, value, tell, slow: (how: () => Promise<void>) => (answer = how) };
}

test('what was read stands without another query until the feed tells of a change', async () => {
  const { state, value } = scene();
  for (let n = 0; n < 100; n++) assert.equal(await value(), true);
  await sleep(300);
  assert.equal(await value(), true);
  assert.equal(state.queries, 1);
  Object.assign(state, { changedAt: 12n, position: 13n, value: false });
  assert.equal(await value(), false);
  assert.equal(state.queries, 2);
});

test('what was read a moment ago falls with the first word of a change, and not with words of anything else', async () => {
  const { state, value, tell } = scene();
  await value();
  state.value = false;
  tell('00000000-0000-7000-8000-000000000001');
  assert.equal(await value(), true);
  tell(FLAGS);
  assert.equal(await value(), false);
});

test('without a feed that is current PostgreSQL is asked, four times a second and not for each request', async () => {
  const { state, value } = scene();
  state.isCurrent = false;
  const began = performance.now();
  while (performance.now() - began < 900) {
    await value();
    await sleep(5);
  }
  assert.ok(state.queries >= 2 && state.queries <= 4, String(state.queries));
  state.value = false;
  await sleep(260);
  assert.equal(await value(), false);
});

test('what was read before a failover is not believed, though the positions fit', async () => {
  const { state, value } = scene();
  await value();
  state.believedFrom = 1_000;
  state.value = false;
  await sleep(260);
  assert.equal(await value(), false);
});

test('a hundred who ask at once are one query', async () => {
  const { state, value, slow } = scene();
  slow(() => sleep(50));
  await Promise.all(Array.from({ length: 100 }, value));
  assert.equal(state.queries, 1);
});

test('one’s own change counts at once, and a reading that began before it is not kept', async () => {
  const { state, reading, value, slow } = scene();
  slow(() => sleep(60));
  const early = value();
  await sleep(10);
  state.value = false;
  reading.forget();
  slow(async () => undefined);
  assert.equal(await value(), false);
  assert.equal(await early, true, 'who asked before has what was true then');
  assert.equal(reading.latest().get('own')?.default, false);
  assert.equal(await value(), false);
});

test('nobody joins a reading that hangs', async () => {
  const { state, value, slow } = scene();
  slow(() => sleep(600));
  const hanging = value();
  await sleep(300);
  state.value = false;
  slow(async () => undefined);
  assert.equal(await value(), false);
  await hanging;
  assert.equal(await value(), false);
});

test('where PostgreSQL fails, asking fails: nothing opens or closes by itself', async () => {
  const { state, value, slow } = scene();
  await value();
  Object.assign(state, { isCurrent: false });
  await sleep(260);
  slow(async () => {
    throw new Error('connection refused');
  });
  await assert.rejects(value(), /connection refused/);
  slow(async () => undefined);
  assert.equal(await value(), true);
});
