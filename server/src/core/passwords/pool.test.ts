import assert from 'node:assert/strict';
import test from 'node:test';
import { Refusal } from '../../lib/refusal.ts';
import { createPool } from './pool.ts';

/** Tasks that end when told to. */
function controlled() {
  const order: number[] = [];
  const ends = new Map<number, () => void>();
  const task = (id: number) => () => {
    order.push(id);
    return new Promise<number>((resolve) => ends.set(id, () => resolve(id)));
  };
  const end = async (id: number) => {
    ends.get(id)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { order, task, end };
}

function isBusy(retryAfter: number) {
  return (error: unknown) =>
    error instanceof Refusal && error.code === 'busy' && error.options.retryAfter === retryAfter;
}

test('tasks start in the order they came, never more at once than allowed', async () => {
  const { order, task, end } = controlled();
  const pool = createPool({ concurrency: 2, queue: 8 });
  const results = [1, 2, 3, 4].map((id) => pool.run(task(id)));
  await end(0);
  assert.deepEqual(order, [1, 2]);
  assert.deepEqual(pool.stats(), { running: 2, queued: 2, rejected: 0 });
  await end(2);
  assert.deepEqual(order, [1, 2, 3]);
  await end(1);
  await end(3);
  await end(4);
  assert.deepEqual(await Promise.all(results), [1, 2, 3, 4]);
  assert.deepEqual(pool.stats(), { running: 0, queued: 0, rejected: 0 });
});

test('a full queue answers busy at once, with the seconds to wait, and takes newcomers again when it has drained', async () => {
  const { task, end } = controlled();
  let refused = 0;
  const pool = createPool({
    concurrency: 1,
    queue: 1,
    observer: {
      rejected: () => {
        refused += 1;
      },
    },
  });
  const first = pool.run(task(1));
  const second = pool.run(task(2));
  await assert.rejects(pool.run(task(3)), isBusy(1));
  assert.deepEqual([pool.stats().rejected, refused], [1, 1]);
  await end(1);
  const fourth = pool.run(task(4));
  await end(2);
  await end(4);
  assert.deepEqual(await Promise.all([first, second, fourth]), [1, 2, 4]);
});

test('nobody is queued who would wait for more than two seconds, and an idle pool admits however slow the last task was', async () => {
  let now = 0;
  const { task, end } = controlled();
  const pool = createPool({ concurrency: 1, queue: 64, monotonic: () => now });
  const slow = pool.run(task(1));
  await end(0);
  now += 30_000;
  await end(1);
  await slow;
  const running = pool.run(task(2));
  await assert.rejects(pool.run(task(3)), isBusy(7));
  await end(2);
  await running;
});

test('who gives up leaves the queue without being run, and does not hold up the next', async () => {
  const { order, task, end } = controlled();
  const pool = createPool({ concurrency: 1, queue: 8 });
  const gone = new AbortController();
  const first = pool.run(task(1));
  const second = pool.run(task(2), gone.signal);
  const third = pool.run(task(3));
  gone.abort(new Error('the client went away'));
  await assert.rejects(second, /the client went away/);
  assert.equal(pool.stats().queued, 1);
  await end(1);
  await end(3);
  await Promise.all([first, third]);
  assert.deepEqual(order, [1, 3]);
  await assert.rejects(pool.run(task(4), gone.signal), /the client went away/);
  assert.deepEqual(pool.stats(), { running: 0, queued: 0, rejected: 0 });
});

test('a task that fails gives its place back, and durations are observed', async () => {
  let now = 0;
  const seen: number[][] = [];
  const pool = createPool({
    concurrency: 1,
    monotonic: () => now,
    observer: { done: (seconds, waited) => void seen.push([seconds, waited]) },
  });
  const failing = pool.run(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    now += 1_000;
    throw new Error('no memory');
  });
  const next = pool.run(async () => {
    now += 500;
  });
  await assert.rejects(failing, /no memory/);
  await next;
  assert.deepEqual(seen, [
    [1, 0],
    [0.5, 1],
  ]);
  assert.deepEqual(pool.stats(), { running: 0, queued: 0, rejected: 0 });
});
