import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { outboxKit, verification } from '../../../test/outbox.ts';
import { createEncryption } from '../../platform/encryption.ts';
import { dropMailsOf, insert, outboxDepth, outboxRow } from './index.ts';

const kit = await outboxKit();
const { clock, db, encryption } = kit;

test('a mail that was committed is sent once, under its row’s id, and its row is gone', async () => {
  const worker = kit.worker();
  await kit.put(verification('ada@example.test'));
  const [row] = await kit.rows();
  await worker.drain();
  await worker.drain();
  assert.deepEqual(
    kit.server.received.map((mail) => mail.messageId),
    [`<${row?.id}@house.test>`],
  );
  assert.match(kit.server.received[0]?.raw ?? '', /Subject: Confirm your email address/);
  assert.deepEqual(await kit.rows(), []);
  assert.deepEqual(worker.settled, ['verify-email sent']);
});

test('a mail of a rolled-back change is never sent', async () => {
  const worker = kit.worker();
  await assert.rejects(
    db.transaction(async (tx) => {
      await insert(tx, [outboxRow(verification('ghost@example.test'), encryption, clock.at)]);
      throw new Error('no');
    }),
  );
  await worker.drain();
  assert.deepEqual(kit.server.received, []);
});

test('neither the address nor the link lies readable in the table', async () => {
  await kit.put(verification('ada@example.test'));
  assert.doesNotMatch(JSON.stringify(await db.query('SELECT * FROM auth.outbox')), /ada|example|token|https/);
});

test('a poke sends within moments, and polling finds what nobody poked for', async () => {
  const worker = kit.worker();
  worker.start();
  await kit.put(verification('poked@example.test'));
  worker.poke();
  for (let i = 0; kit.server.received.length < 1 && i < 80; i++) await sleep(10);
  assert.deepEqual(kit.receivers(), ['poked@example.test']);
  await kit.put(verification('polled@example.test'));
  for (let i = 0; kit.server.received.length < 2 && i < 300; i++) await sleep(10);
  assert.deepEqual(kit.receivers(), ['poked@example.test', 'polled@example.test']);
  await worker.stop();
});

test('a final refusal is kept as failed at once, and holds up nobody; nothing tells whose mail it was', async () => {
  const worker = kit.worker();
  const many = Array.from({ length: 45 }, (_, i) =>
    verification(i % 3 === 0 ? `reply-550-${i}@example.test` : `ok-${i}@example.test`),
  );
  await kit.put(...many);
  await worker.drain();
  assert.equal(kit.server.received.length, 30);
  const left = await kit.rows();
  assert.equal(left.length, 15);
  for (const row of left) {
    assert.ok(row.failed_at);
    assert.match(row.last_error ?? '', /550/);
  }
  assert.doesNotMatch(JSON.stringify([left, worker.lines]), /@|secret|token=/);
  clock.at += 86_400_000;
  await worker.drain();
  assert.equal((await kit.rows())[0]?.attempts, 1, 'what has failed is not tried again');
  assert.deepEqual(await outboxDepth(db), { waiting: 0, oldest: null, failed: 15 });
});

test('two workers at once send each mail once', async () => {
  await kit.put(...Array.from({ length: 120 }, (_, i) => verification(`n${i}@example.test`)));
  const workers = [kit.worker(), kit.worker()];
  await Promise.all(workers.map((worker) => worker.drain()));
  assert.equal(kit.server.received.length, 120);
  assert.equal(new Set(kit.receivers()).size, 120);
  assert.ok(
    workers.every((worker) => worker.settled.length > 0),
    'both had a share',
  );
});

test('a mail that cannot be opened or is unknown here is tried a dozen times, then set aside; others flow', async () => {
  const stranger = createEncryption([randomBytes(32)]);
  const foreign = { ...outboxRow(verification('x@example.test'), stranger, clock.at) };
  const newer = { ...outboxRow(verification('y@example.test'), encryption, clock.at), template: 'from-the-future' };
  await db.transaction((tx) => insert(tx, [foreign, newer]));
  await kit.put(verification('fine@example.test'));
  const worker = kit.worker();
  for (let i = 0; i < 20; i++) {
    await worker.drain();
    clock.at += 1_200_000;
  }
  assert.deepEqual(kit.receivers(), ['fine@example.test']);
  const left = await kit.rows();
  assert.deepEqual(
    left.map((row) => [row.attempts, row.last_error, row.failed_at !== null]),
    [
      [12, 'ERENDER', true],
      [12, 'ERENDER', true],
    ],
  );
});

test('deleting a user drops what is unsent, but for the news of it', async () => {
  const userId = '01930000-0000-7000-8000-000000000009';
  await kit.put(verification('ada@example.test', userId), verification('other@example.test'), {
    template: 'account-deleted',
    to: 'ada@example.test',
    userId,
    data: { when: new Date(clock.at).toISOString() },
  });
  await db.transaction((tx) => dropMailsOf(tx, userId));
  const worker = kit.worker();
  await worker.drain();
  assert.deepEqual(worker.settled.sort(), ['account-deleted sent', 'verify-email sent']);
});
