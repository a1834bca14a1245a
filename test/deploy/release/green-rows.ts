import assert from 'node:assert/strict';
import type { Row, RowContext } from '../row.ts';
import { allOn, failures, other, requireNoneFailed, type Scene, scene } from './scene.ts';
import { tagOf } from './variant.ts';

/** Two servers of each colour. */
export const greenRows: readonly Row[] = [
  {
    name: 'blue-green: everyone is switched at once, back and over again, and no request fails',
    timeout: 3000,
    async run(t) {
      const it = await greenScene(t);
      let switches = 0;
      const result = await it.underLoad(async () => {
        const former = await it.servers();
        const name = other(it.setting('APP_IMAGE'));
        await it.release(`blue-green.sh deploy ${tagOf(name)} --watch 3s`);
        assert.deepEqual(new Set(await it.versions(20)), new Set([name]));
        await it.compose('up -d --no-build');
        assert.deepEqual(await it.servers(), former, 'a compose command in between changes nothing');
        assert.equal((await it.release(`rolling.sh ${tagOf('two')}`, { ok: false })).status, 1);
        await it.release('blue-green.sh back');
        assert.deepEqual(await it.servers(), former);
        switches += 2;
        for (let round = 0; round < Math.ceil(t.rounds / 4); round++) {
          const next = other(it.setting('APP_IMAGE'));
          await it.release(`blue-green.sh ${tagOf(next)} --watch 2s`);
          allOn(await it.servers(), next, 2);
          switches += 2;
        }
      });
      requireNoneFailed(t, `${switches} switches`, result);
      assert.deepEqual(await it.servers('app-green'), []);
      assert.deepEqual(
        [it.poolState(), it.setting('GREEN_IMAGE'), it.setting('COMPOSE_PROFILES')],
        ['blue', undefined, undefined],
      );
    },
  },
  {
    name: 'canary: a share of the clients, always the same ones; a header chooses; then everyone',
    timeout: 300,
    async run(t) {
      const it = await greenScene(t);
      const name = other(it.setting('APP_IMAGE'));
      const result = await it.underLoad(async () => {
        await it.release(`canary.sh ${tagOf(name)} --share 25 --hold --watch 2s --enough 5 --max-slower 100`);
        const first = await it.versions(400);
        assert.deepEqual(await it.versions(400), first, 'a client changed its side');
        t.figure('of 400 clients at 25 %', share(first, name));
        assert.ok(Math.abs(share(first, name) - 100) <= 35);
        assert.deepEqual(new Set(await it.versions(20, { 'X-Canary': 'always' })), new Set([name]));
        assert.deepEqual(
          new Set(await it.versions(20, { 'X-Canary': 'never' })),
          new Set([name === 'one' ? 'two' : 'one']),
        );
        await it.release('canary.sh share 50');
        const second = await it.versions(400);
        t.figure('at 50 %', share(second, name));
        assert.ok(Math.abs(share(second, name) - 200) <= 40);
        assert.ok(first.every((version, client) => version !== name || second[client] === name));
        await it.release('canary.sh finish');
      });
      requireNoneFailed(t, 'the whole of it', result);
      allOn(await it.servers(), name, 2);
      assert.deepEqual(await it.servers('app-green'), []);
    },
  },
  {
    name: 'canary: an image that answers 500 now and then goes by itself, and only its share saw it',
    timeout: 300,
    async run(t) {
      const it = await greenScene(t);
      const [before, declared] = [await it.servers(), it.setting('APP_IMAGE')];
      const result = await it.underLoad(async () => {
        const { status, stdout, stderr } = await it.release(`canary.sh ${tagOf('faulty')} --share 25 --enough 30`, {
          ok: false,
        });
        assert.equal(status, 1, stdout + stderr);
        assert.match(stderr, /requests to the new image went wrong/);
      });
      const known = Object.keys(result.failed).filter((key) => key.endsWith('HTTP 500'));
      assert.deepEqual(Object.keys(result.failed), known, result.firstFailures.join('\n'));
      assert.ok(failures(result) > 0 && failures(result) <= 25, `${failures(result)} saw an error`);
      t.figure(
        'saw an error until it went',
        `${failures(result)} of ${result.sent}, ${result.byVersion.faulty ?? 0} on the canary`,
      );
      assert.deepEqual(await it.servers(), before);
      assert.deepEqual(await it.servers('app-green'), []);
      assert.deepEqual([it.poolState(), it.setting('APP_IMAGE')], ['blue', declared]);
    },
  },
];

/** A row that fails leaves its second colour to nobody. */
async function greenScene(t: RowContext): Promise<Scene> {
  const it = await scene(t);
  t.after(async () => it.poolState() === 'blue' || (await it.release('blue-green.sh back')));
  return it;
}

function share(versions: readonly string[], name: string): number {
  return versions.filter((version) => version === name).length;
}
