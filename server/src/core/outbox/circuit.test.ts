import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MailFailure } from '../../platform/mail/mail.ts';
import { createCircuit } from './circuit.ts';

test('an absent server is asked after 1, 2, 4, 8 and then every 15 seconds, by one question at a time', async () => {
  let now = 0;
  let isAway = true;
  const askedAt: number[] = [];
  const reports: string[] = [];
  const check = async () => {
    askedAt.push(now / 1000);
    if (isAway) throw new MailFailure('unreachable', 'ESOCKET');
  };
  const circuit = createCircuit(check, { now: () => now }, (state) => void reports.push(state));
  assert.equal(await circuit.admits(), true);
  assert.deepEqual(askedAt, [], 'nothing is asked while all is well');
  assert.deepEqual(await Promise.all([circuit.serverIsAway(), circuit.serverIsAway()]), [true, true]);
  for (; now < 60_000; now += 1000)
    assert.deepEqual(await Promise.all([circuit.admits(), circuit.admits()]), [false, false]);
  assert.deepEqual(askedAt, [0, 1, 3, 7, 15, 30, 45]);
  isAway = false;
  assert.equal(await circuit.admits(), true);
  assert.equal(circuit.isClosed(), true);
  assert.equal(await circuit.serverIsAway(), false, 'a failure with the server there is the mail’s own');
  assert.deepEqual(reports, ['open', 'closed']);
});

test('a server that never answers the question is away', async () => {
  const reasons: unknown[] = [];
  const circuit = createCircuit(
    () => new Promise(() => {}),
    { now: () => 0 },
    (_state, error) => void reasons.push((error as Error).message),
    20,
  );
  assert.equal(await circuit.serverIsAway(), true);
  assert.deepEqual(reasons, ['ETIMEDOUT CHECK']);
});
