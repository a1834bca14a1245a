// engines: postgres
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, startServer, type TestServer } from '../../../test/kit.ts';
import { as, etag } from './test-kit.ts';

/** Milliseconds from the acknowledgement until the other process answers so. */
async function untilThere(there: TestServer, bearer: string, isSo: (flags: Record<string, unknown>) => boolean) {
  const began = performance.now();
  for (;;) {
    const { flags } = expect(await there.get('/me/flags', { bearer }), 200).body;
    if (isSo(flags)) return performance.now() - began;
    if (performance.now() - began > 5_000) throw new Error('five seconds later it is still not known');
    await sleep(5);
  }
}

for (const [name, env] of [
  ['with Redis', {}],
  ['without Redis', { REDIS_URL: '' }],
] as const) {
  test(`a flag that is set, changed or unset here counts there within a second, ${name}`, async (t) => {
    const here = await startServer({ env });
    const there = await startServer({ on: here, env });
    assert.equal(there.app.house.cache.status().kind, name === 'with Redis' ? 'redis' : 'memory');
    const admin = await here.admin();
    const call = as(here, admin);
    const bearer = admin.accessToken;
    await untilThere(there, bearer, () => true);
    const times: number[] = [];
    for (let round = 0; round < 8; round++) {
      const flags = round % 4 === 3 ? [] : [{ key: 'shop.theme', default: `round-${round}` }];
      expect(await call('PUT', '/flags', { flags }, etag(await call('GET', '/flags'))), 200);
      assert.equal(
        (await here.get('/me/flags', { bearer })).body.flags['shop.theme'],
        flags[0]?.default,
        'here at once',
      );
      times.push(await untilThere(there, bearer, (found) => found['shop.theme'] === flags[0]?.default));
    }
    t.diagnostic(`max ${Math.max(...times).toFixed(0)} ms`);
    assert.ok(Math.max(...times) < 1_000, times.join(', '));
  });
}

test('asking costs no query, and an open transaction elsewhere does not make it cost one each time', async () => {
  const server = await startServer();
  const user = await server.user();
  const { house } = server.app;
  const ask = async (times: number) => {
    for (let n = 0; n < times; n++) await house.flags.requireOn('registration', { key: user.email });
  };
  let queries = 0;
  const { query } = house.db;
  Object.assign(house.db, {
    query: (text: string, values?: unknown[]) => {
      if (/auth\.flags/.test(text)) queries++;
      return query(text, values);
    },
  });
  await house.changes.refresh();
  await ask(5);
  queries = 0;
  await ask(500);
  assert.equal(queries, 0);
  house.flags.forget();
  const began = performance.now();
  while (performance.now() - began < 600) {
    await ask(10);
    await sleep(2);
  }
  assert.ok(queries <= 4, String(queries));
});
