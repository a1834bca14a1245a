import assert from 'node:assert/strict';
import { after, before, beforeEach, mock, test } from 'node:test';
import { testClock, testDatabase } from '../../test/kit.ts';
import { type Db, migrate } from './db/index.ts';
import { createJobs } from './jobs.ts';

const HOUR = 3600;
const clock = testClock();
const warnings: unknown[] = [];
const log = { warn: (line: unknown) => void warnings.push(line) } as never;
let database: Awaited<ReturnType<typeof testDatabase>>;
let db: Db;

before(async () => {
  database = await testDatabase();
  db = database.db;
  await migrate(db, database.settings.kind === 'postgres' ? database.settings : null, clock);
  mock.timers.enable({ apis: ['setInterval'] });
});
beforeEach(() => {
  warnings.length = 0;
});
after(async () => {
  mock.timers.reset();
  await db.close();
  await database.drop();
});

/** A process with this one job, and how often it did it. */
function processWith(name: string, work: () => Promise<void> = async () => undefined) {
  const seen = { runs: 0 };
  const run = async (): Promise<void> => {
    seen.runs += 1;
    await work();
  };
  return { seen, ...createJobs({ db, clock, log }, [{ name, everySeconds: HOUR, run }]) };
}

async function minutes(count: number, processes: { stop(): Promise<void>; start(): void }[]): Promise<void> {
  for (let minute = 0; minute < count; minute += 5) {
    clock.advance(300);
    mock.timers.tick(300_000);
    for (const one of processes) await one.stop();
    for (const one of processes) one.start();
  }
}

test('of several processes one has the turn, once an hour, however short each of them lives', async () => {
  const processes = [processWith('a'), processWith('a'), processWith('a')];
  for (const one of processes) one.start();
  await minutes(50, processes);
  const runs = (): number => processes.reduce((sum, one) => sum + one.seen.runs, 0);
  assert.equal(runs(), 1);
  await minutes(50, processes);
  assert.equal(runs(), 2);
  for (const one of processes) await one.stop();
});

test('a job that fails is logged and comes back at its next turn', async () => {
  const one = processWith('b', () => Promise.reject(new Error('no')));
  one.start();
  await minutes(5, [one]);
  assert.equal(one.seen.runs, 1);
  assert.equal(warnings.length, 1);
  await minutes(60, [one]);
  assert.equal(one.seen.runs, 2);
  await one.stop();
});

test('stopping waits for the job under way, and none begins after it', async () => {
  let finish = (): void => undefined;
  const one = processWith('c', () => new Promise((done) => (finish = done)));
  one.start();
  clock.advance(60);
  mock.timers.tick(60_000);
  while (one.seen.runs === 0) await new Promise(setImmediate);
  let isStopped = false;
  const stopping = one.stop().then(() => (isStopped = true));
  await new Promise(setImmediate);
  assert.equal(isStopped, false);
  finish();
  await stopping;
  clock.advance(2 * HOUR);
  mock.timers.tick(2 * HOUR * 1000);
  await new Promise(setImmediate);
  assert.equal(one.seen.runs, 1);
});
