import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cache, memoryCache } from './index.ts';
import { freePort, isOk, opened, redisServer, sleep, until } from './test-kit.ts';

const { TEST_REDIS_URL } = process.env;
const port = TEST_REDIS_URL ? 0 : await freePort();
if (!TEST_REDIS_URL) await redisServer(port);

function sharedRedis() {
  if (!TEST_REDIS_URL) return opened(port);
  const url = new URL(TEST_REDIS_URL);
  const password = url.password === '' ? {} : { password: decodeURIComponent(url.password) };
  const username = url.username === '' ? {} : { username: decodeURIComponent(url.username) };
  return opened(Number(url.port || 6379), {
    host: url.hostname,
    database: Number(url.pathname.slice(1) || 0),
    tls: url.protocol === 'rediss:',
    ...password,
    ...username,
  });
}

let moved = 0;
const clock = { now: () => Date.UTC(2026, 0, 1) + moved };
const quiet = { error: () => undefined };

const moveClock = async (ms: number) => {
  moved += ms;
};

const kinds: [name: string, open: () => Promise<{ cache: Cache; wait(ms: number): Promise<void> }>][] = [
  ['memory', async () => ({ cache: memoryCache({ clock, log: quiet }), wait: moveClock })],
  [
    'Redis',
    async () => {
      const { cache } = sharedRedis();
      await until('connected', isOk(cache));
      return { cache, wait: async (ms) => void (await sleep(ms)) };
    },
  ],
];

for (const [name, open] of kinds) {
  const key = (text: string) => `test:${process.pid}:${text}`;

  test(`${name}: a value is kept for its time, replaced and deleted`, async () => {
    const { cache, wait } = await open();
    assert.equal(await cache.get(key('a')), null);
    await cache.set(key('a'), 'één', 10);
    await cache.set(key('b'), '2', 0.05);
    assert.deepEqual([await cache.get(key('a')), await cache.get(key('b'))], ['één', '2']);
    await wait(100);
    assert.equal(await cache.get(key('b')), null);
    await cache.set(key('a'), 'two', 10);
    assert.equal(await cache.get(key('a')), 'two');
    await cache.del(key('a'), key('b'));
    await cache.del();
    assert.equal(await cache.get(key('a')), null);
    assert.equal(cache.status().status, 'ok');
    assert.equal((await cache.ping()).status, 'ok');
  });

  test(`${name}: a counter adds, is lifted to what the caller knows, and ends a fixed time after its first count`, async () => {
    const { cache, wait } = await open();
    const count = (add: number, atLeast = 0) => cache.count(key('n'), { add, atLeast, ttlSeconds: 0.3 });
    assert.deepEqual(
      [await count(1), await count(2), await count(1, 10), await count(1, 5), await count(0)],
      [1, 3, 11, 12, 12],
    );
    await wait(150);
    assert.equal(await count(1), 13);
    await wait(200);
    assert.equal(await count(1), 1);
  });

  test(`${name}: a message reaches every subscriber, a failing one keeps it from nobody, and unsubscribing ends it`, async () => {
    const { cache } = await open();
    const heard: string[] = [];
    const bad = await cache.subscribe(key('c'), () => {
      throw new Error('bad');
    });
    const stop = await cache.subscribe(key('c'), (message) => void heard.push(message));
    // A subscription is waited for 100 ms at most: messages are sent until the first arrives.
    await until('heard', () => {
      cache.publish(key('c'), 'x');
      return heard.length > 0;
    });
    await stop();
    await bad();
    const { length } = heard;
    cache.publish(key('c'), 'y');
    await sleep(50);
    assert.equal(heard.includes('y'), false);
    assert.ok(length > 0);
    await cache.close();
  });
}

test('memory: the least recently used goes first, past the number and past the size', async () => {
  const cache = memoryCache({ clock, log: quiet, maxEntries: 3, maxCharacters: 100 });
  for (const key of ['a', 'b', 'c']) await cache.set(key, key, 10);
  await cache.get('a');
  await cache.set('d', 'd', 10);
  assert.deepEqual(await Promise.all(['a', 'b', 'c', 'd'].map((key) => cache.get(key))), ['a', null, 'c', 'd']);
  await cache.set('big', 'x'.repeat(97), 10);
  assert.deepEqual(await Promise.all(['a', 'c', 'd', 'big'].map(async (key) => (await cache.get(key))?.length)), [
    undefined,
    undefined,
    undefined,
    97,
  ]);
});

test('Redis: 200 counts at once from two processes are 200', async () => {
  const [one, two] = [sharedRedis().cache, sharedRedis().cache];
  await until('connected', () => isOk(one)() && isOk(two)());
  const key = `test:${process.pid}:race`;
  const counts = await Promise.all(
    Array.from({ length: 200 }, (_, n) => (n % 2 ? one : two).count(key, { add: 1, atLeast: 0, ttlSeconds: 5 })),
  );
  assert.equal(new Set(counts).size, 200);
  assert.equal(Math.max(...counts.map(Number)), 200);
});
