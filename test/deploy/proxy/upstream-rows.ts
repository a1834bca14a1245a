import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from '../row.ts';
import { type Stack, stack } from '../stack.ts';
import { type Answer, type Ask, ask, keptAlive } from './ask.ts';
import { expectProblem } from './edge-rows.ts';
import type { ReverseProxy } from './reverse-proxy.ts';
import { type Stub, startStub } from './stub.ts';

/** The name under which the proxy looks for servers in these rows. */
const NAME = 'stub';
/** Until a proxy has asked for the addresses again, and has forgotten that one failed: nginx counts 2 s, in whole seconds. */
const FORGET = 3200;

export function upstreamRows(proxy: ReverseProxy): Row[] {
  return [
    {
      name: `${proxy.name}: without any server it says so, as a problem with Retry-After`,
      async run(t) {
        const at = await stack();
        await startStub(t, at, NAME, 'deaf');
        await proxy.start(at, `${NAME}:3000`);
        const answer = await ask(at, '/api/v1/me');
        assert.ok([502, 503].includes(answer.status), answer.body);
        expectProblem(answer, answer.status, 'unavailable');
        assert.match(answer.headers['retry-after']?.join() ?? '', /^\d+$/);
      },
    },
    {
      name: `${proxy.name}: connections to servers are kept, and addresses that come and go are noticed without a reload`,
      async run(t) {
        const at = await stack();
        const first = await startStub(t, at, NAME);
        await untilReached(at, first);
        const agent = keptAlive(4);
        t.after(() => agent.destroy());
        const before = await first.connections();
        await Promise.all(Array.from({ length: 160 }, () => expectHere(ask(at, '/health', { agent }))));
        const made = (await first.connections()) - before;
        assert.ok(made <= 16, `160 requests took ${made} connections`);
        t.figure('connections for 160 requests', made);

        const second = await startStub(t, at, NAME);
        t.figure('a new one is used after, s', await untilReached(at, second));
        await first.remove();
        for (let n = 0; n < 20; n++) await expectHere(ask(at, '/health'), second);
      },
    },
    {
      name: `${proxy.name}: a POST whose connection is refused goes to another server, once`,
      async run(t) {
        const at = await stack();
        const [, good] = [await startStub(t, at, NAME, 'deaf'), await startStub(t, at, NAME)];
        await sleep(FORGET);
        for (let n = 0; n < 20; n++) await expectHere(post(at, `/api/v1/refused/${n}`));
        const requests = (await good.requests()).filter((line) => line.includes('/refused/'));
        assert.equal(requests.length, 20);
        assert.equal(new Set(requests).size, 20);
      },
    },
    {
      name: `${proxy.name}: a POST that was sent and not answered is never sent again`,
      async run(t) {
        const at = await stack();
        const stubs = [await startStub(t, at, NAME, 'closes'), await startStub(t, at, NAME, 'closes')];
        for (const n of [1, 2]) {
          await sleep(FORGET); // both have failed, and are left alone for a while
          const answer = await post(at, `/api/v1/closed/${n}`);
          assert.equal(answer.status, 502, answer.body);
        }
        await sleep(FORGET);
        const read = await ask(at, '/api/v1/closed/read');
        assert.equal(read.status, 502);
        const requests = (await Promise.all(stubs.map((stub) => stub.requests()))).flat();
        for (const n of [1, 2])
          assert.equal(requests.filter((line) => line === `POST /api/v1/closed/${n}`).length, 1, `POST ${n}`);
        const reads = requests.filter((line) => line === 'GET /api/v1/closed/read').length;
        assert.equal(reads, proxy.repeatsReads ? 2 : 1);
        t.figure('times a GET was sent', reads);
      },
    },
  ];
}

const post = (at: Stack, path: string): Promise<Answer> =>
  ask(at, path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' } satisfies Ask);

async function expectHere(asked: Promise<Answer>, by?: Stub): Promise<void> {
  const { status, body, headers } = await asked;
  assert.deepEqual([status, body], [200, 'here']);
  if (by) assert.deepEqual(headers['x-stub'], [by.container]);
}

/** Seconds until it answers. Each request is a connection of its own, so that every process of the proxy has its turn. */
async function untilReached(at: Stack, stub: Stub): Promise<string> {
  const started = performance.now();
  while (performance.now() - started < 20_000) {
    const { headers } = await ask(at, '/health');
    if (headers['x-stub']?.[0] === stub.container) return ((performance.now() - started) / 1000).toFixed(1);
    await sleep(50);
  }
  throw new Error(`${stub.container} was not asked within 20 s`);
}
