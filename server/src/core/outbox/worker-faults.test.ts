import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { outboxKit, verification } from '../../../test/outbox.ts';
import { startSmtpServer } from '../../../test/smtp-server.ts';
import { MailFailure } from '../../platform/mail/mail.ts';
import { claimDue } from './store.ts';

const kit = await outboxKit();
const { clock, db } = kit;

test('a refusal for now is tried again, 5 s to 15 min apart, and given up after three days', async () => {
  const worker = kit.worker();
  await kit.put(verification('reply-450@example.test'));
  const waits: number[] = [];
  const from = clock.at;
  for (;;) {
    await worker.drain();
    const [row] = await kit.rows();
    assert.ok(row);
    if (row.failed_at) break;
    waits.push(row.next_attempt_at.getTime() - clock.at);
    clock.at = row.next_attempt_at.getTime();
  }
  assert.ok(waits[0] && waits[0] >= 3750 && waits[0] <= 6250);
  assert.ok(waits.every((wait) => wait <= 900_000 * 1.25));
  const days = (clock.at - from) / 86_400_000;
  assert.ok(days >= 3 && days < 3.1, `${days} days`);
});

test('mails that make the server hang up do not count as its absence: others flow, they are put off', async () => {
  const worker = kit.worker();
  await kit.put(
    verification('drop-1@example.test'),
    verification('reply-421@example.test'),
    verification('fine@example.test'),
  );
  await worker.drain();
  assert.deepEqual(kit.receivers(), ['fine@example.test']);
  const left = await kit.rows();
  assert.deepEqual(
    left.map((row) => row.attempts),
    [1, 1],
  );
  assert.ok(left.every((row) => row.next_attempt_at.getTime() > clock.at && row.locked_until === null));
});

test('a lost reply doubles the mail, under the same Message-ID', async () => {
  const worker = kit.worker();
  await kit.put(verification('lost@example.test'));
  await worker.drain();
  clock.at += 7000;
  await worker.drain();
  assert.equal(kit.server.received.length, 2);
  assert.equal(new Set(kit.server.received.map((mail) => mail.messageId)).size, 1);
  assert.deepEqual(await kit.rows(), []);
});

test('a slow mail does not hold up the others', async () => {
  const worker = kit.worker();
  await kit.put(
    verification('slow-1500@example.test'),
    ...Array.from({ length: 30 }, (_, i) => verification(`quick-${i}@example.test`)),
  );
  const done = worker.drain();
  for (let i = 0; kit.server.received.length < 30 && i < 140; i++) await sleep(10);
  assert.equal(kit.server.received.length, 30);
  assert.ok(!kit.receivers().includes('slow-1500@example.test'));
  await done;
  assert.equal(kit.server.received.length, 31);
});

test('ten minutes without the mail server lose nothing, use up no attempts, and end within 30 s of its return', async () => {
  const { port } = kit.server;
  const worker = kit.worker();
  await kit.server.close();
  const sent: string[] = [];
  for (let second = 0; second < 600; second += 5) {
    if (second % 30 === 0) {
      sent.push(`down-${second}@example.test`);
      await kit.put(verification(`down-${second}@example.test`));
    }
    await worker.drain();
    clock.at += 5000;
  }
  assert.equal((await kit.rows()).length, sent.length);
  assert.ok((await kit.rows()).every((row) => row.attempts === 0 && row.locked_until === null));
  assert.equal(worker.lines.filter((line) => line.includes('cannot be used')).length, 1, 'told once');
  kit.server = await startSmtpServer({}, port);
  const back = clock.at;
  while ((await kit.rows()).length > 0 && clock.at - back < 60_000) {
    await worker.drain();
    clock.at += 1000;
  }
  assert.ok(clock.at - back <= 30_000, `${clock.at - back} ms`);
  assert.deepEqual(kit.receivers(), sent.sort());
  assert.equal(worker.lines.filter((line) => line.includes('answers again')).length, 1);
});

test('what a killed worker had claimed is sent once its lease has run out', async () => {
  await kit.put(verification('ada@example.test'), verification('bob@example.test'));
  await claimDue(db, 'deadbeef-dead-4ead-8ead-deadbeefdead', clock.at, clock.at + 30_000, 20);
  const worker = kit.worker();
  await worker.drain();
  assert.deepEqual(kit.receivers(), []);
  clock.at += 30_000;
  await worker.drain();
  assert.deepEqual(kit.receivers(), ['ada@example.test', 'bob@example.test']);
});

test('a mail that was sent is not sent again because the database could not be told', async () => {
  let isBroken = true;
  const execute = db.execute;
  db.execute = (text, values) =>
    isBroken && text.startsWith('DELETE FROM auth.outbox WHERE id')
      ? Promise.reject(new Error('gone'))
      : execute.call(db, text, values);
  const worker = kit.worker();
  await kit.put(verification('ada@example.test'));
  await worker.drain();
  isBroken = false;
  db.execute = execute;
  clock.at += 31_000;
  await worker.drain();
  assert.deepEqual(kit.receivers(), ['ada@example.test']);
  assert.deepEqual(await kit.rows(), []);
});

test('stopping lets a mail under way finish, starts no other, and hands the rest back', async () => {
  const worker = kit.worker();
  await kit.put(...Array.from({ length: 12 }, (_, i) => verification(`slow-400-${i}@example.test`)));
  worker.start();
  await sleep(200);
  await worker.stop();
  assert.equal(kit.server.received.length, 5);
  const left = await kit.rows();
  assert.equal(left.length, 7);
  assert.ok(left.every((row) => row.locked_until === null && row.attempts === 0));
  const next = kit.worker();
  await next.drain();
  assert.equal(new Set(kit.receivers()).size, 12);
  assert.equal(kit.server.received.length, 12);
});

test('a fault that no transport declared is put off like any other, without its words', async () => {
  const worker = kit.worker({
    send: async () => Promise.reject(new Error('to ada@example.test with token=abc')),
    check: async () => {
      throw new MailFailure('unreachable', 'never asked');
    },
    close: async () => {},
  });
  await kit.put(verification('ada@example.test'));
  await worker.drain();
  const [row] = await kit.rows();
  assert.deepEqual([row?.attempts, row?.last_error], [1, 'EUNKNOWN']);
  assert.doesNotMatch(worker.lines.join(''), /ada|token=/);
});
