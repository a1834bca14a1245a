import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherer } from './gather.ts';

interface Asking {
  readonly items: readonly number[];
  answer(answers: readonly string[]): void;
  fail(error: Error): void;
}

function gathering(lanes: number, most: number) {
  const askings: Asking[] = [];
  const ask = gatherer<number, string>(
    (items) => new Promise((answer, fail) => askings.push({ items, answer, fail })),
    { lanes, most },
  );
  return { ask, askings, itemsOf: () => askings.map(({ items }) => items) };
}

/** Whatever was due by now has happened. */
async function turn(): Promise<void> {
  for (let n = 0; n < 3; n++) await new Promise((done) => setImmediate(done));
}

const echo = ({ items, answer }: Asking) => answer(items.map((item) => `answer ${item}`));

test('what is asked in one turn leaves together, and each gets its own answer', async () => {
  const { ask, askings, itemsOf } = gathering(2, 10);
  const answers = Promise.all([ask(1), ask(2), ask(3)]);
  await turn();
  assert.deepEqual(itemsOf(), [[1, 2, 3]]);
  askings.forEach(echo);
  assert.deepEqual(await answers, ['answer 1', 'answer 2', 'answer 3']);
});

test('while every lane is taken the others gather, and leave with the first that comes back', async () => {
  const { ask, askings, itemsOf } = gathering(2, 10);
  const answers: Promise<string>[] = [];
  for (const item of [1, 2, 3, 4, 5]) {
    answers.push(ask(item));
    await turn();
  }
  assert.deepEqual(itemsOf(), [[1], [2]]);
  echo(askings[1] as Asking);
  await turn();
  assert.deepEqual(itemsOf(), [[1], [2], [3, 4, 5]]);
  echo(askings[0] as Asking);
  echo(askings[2] as Asking);
  assert.equal((await Promise.all(answers)).length, 5);
});

test('no more than the most go together, and the rest takes the next lane', async () => {
  const { ask, askings, itemsOf } = gathering(2, 2);
  const answers = [1, 2, 3, 4, 5].map(ask);
  await turn();
  assert.deepEqual(itemsOf(), [
    [1, 2],
    [3, 4],
  ]);
  askings.forEach(echo);
  await turn();
  echo(askings[2] as Asking);
  assert.equal((await Promise.all(answers)).at(-1), 'answer 5');
});

test('a failure reaches all who were asked with it, and nobody else', async () => {
  const { ask, askings } = gathering(1, 10);
  const failing = Promise.allSettled([ask(1), ask(2)]);
  await turn();
  askings[0]?.fail(new Error('away'));
  assert.deepEqual(
    (await failing).map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  const next = ask(3);
  await turn();
  echo(askings[1] as Asking);
  assert.equal(await next, 'answer 3');
});
