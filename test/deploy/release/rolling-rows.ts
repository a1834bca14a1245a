import assert from 'node:assert/strict';
import type { Row } from '../row.ts';
import { allOn, envOf, failures, other, prepare, requireNoneFailed, scene } from './scene.ts';
import { column } from './schema.ts';
import { tagOf } from './variant.ts';

/** Three servers, and two from the row on that scales. */
export const rollingRows: readonly Row[] = [
  {
    name: 'the load sees what a release costs that is not gentle: compose recreates every server at once',
    timeout: 400,
    async run(t) {
      const result = await prepare(t);
      t.figure('without the kit', `${failures(result)} of ${result.sent} failed`);
      assert.ok(failures(result) > 0, 'the load sees no failure where there must be one');
    },
  },
  {
    name: 'rolling: every server replaced, no request fails, and compose finds nothing left to do',
    timeout: 3000,
    async run(t) {
      const it = await scene(t);
      const before = await it.servers();
      const result = await it.underLoad(async () => {
        for (let round = 0; round < t.rounds; round++) {
          const name = other(it.setting('APP_IMAGE'));
          await it.release(`rolling.sh ${tagOf(name)}`);
          allOn(await it.servers(), name, 3);
        }
      });
      requireNoneFailed(t, `${t.rounds} rolling`, result);
      assert.equal(it.poolState(), 'blue');
      const after = await it.servers();
      assert.ok(after.every(({ id }) => before.every((one) => one.id !== id)));
      await it.compose('up -d --no-build');
      assert.deepEqual(await it.servers(), after);
    },
  },
  {
    name: 'rolling: an image that does not start or is never ready gets no request, and is told with its last lines',
    timeout: 300,
    async run(t) {
      const it = await scene(t);
      const before = await it.servers();
      const result = await it.underLoad(async () => {
        const mute = await it.release(`rolling.sh ${tagOf('mute')} --no-migrate`, { ok: false });
        assert.equal(mute.status, 1, mute.stderr);
        assert.match(mute.stderr, /this image does not start, on purpose/);
        const unready = await it.release(`rolling.sh ${tagOf('unready')} --patience 6s`, { ok: false });
        assert.equal(unready.status, 1, unready.stderr);
        assert.match(unready.stderr, /not ready within 6 s/);
      });
      requireNoneFailed(t, 'two broken images', result);
      assert.deepEqual(await it.servers(), before);
      assert.equal(it.poolState(), 'blue');
      assert.deepEqual(Object.keys(result.byVersion).length, 1, JSON.stringify(result.byVersion));
    },
  },
  {
    name: 'a migration that fails stops the release before anything is touched',
    timeout: 180,
    async run(t) {
      const it = await scene(t);
      const [before, declared] = [await it.servers(), it.setting('APP_IMAGE')];
      for (const command of ['rolling.sh', 'blue-green.sh deploy', 'canary.sh']) {
        const { status, stderr } = await it.release(`${command} ${tagOf('stuck')}`, { ok: false });
        assert.equal(status, 1, stderr);
        assert.match(stderr, /9998_release_stuck failed and was rolled back[\s\S]*nothing was changed/);
      }
      assert.deepEqual(await it.servers(), before);
      assert.deepEqual(await it.servers('app-green'), []);
      assert.equal(it.setting('APP_IMAGE'), declared);
      assert.equal(await column(t, 'stuck'), '0');
    },
  },
  {
    name: 'scale 3, 5, 2: no request fails, and compose keeps the number',
    timeout: 300,
    async run(t) {
      const it = await scene(t);
      const result = await it.underLoad(async () => {
        for (const count of [5, 2]) {
          await it.release(`scale.sh ${count}`);
          assert.equal((await it.servers()).length, count);
        }
      });
      requireNoneFailed(t, 'scaled', result);
      const kept = await it.servers();
      await it.compose('up -d --no-build');
      assert.deepEqual(await it.servers(), kept);
    },
  },
  {
    name: 'rolling: interrupted and killed in the middle it leaves servers that serve; run again it finishes',
    timeout: 400,
    async run(t) {
      const it = await scene(t);
      const name = other(it.setting('APP_IMAGE'));
      const command = `release/rolling.sh ${tagOf(name)} --no-migrate`;
      const until = (text: string, signal: string): Promise<unknown> =>
        t.sh(
          `out=$(mktemp); ${command} > "$out" 2>&1 & id=$!; until grep -q '${text}' "$out"; do sleep 0.1; done
            kill -${signal} $id; wait $id || echo $? > status; cat "$out"; rm "$out"; test "$(cat status)" != 0; rm status`,
          { cwd: it.stack.folder, env: envOf(it.stack.env), seconds: 120 },
        );
      const result = await it.underLoad(async () => {
        await until('1 of 2', 'TERM');
        assert.equal(it.poolState(), 'blue');
        assert.deepEqual((await it.servers()).map(({ image }) => image).toSorted(), [tagOf('one'), tagOf('two')]);
        const open = await it.release('status.sh', { ok: false });
        assert.equal(open.status, 0, open.stdout + open.stderr);
        await until('started 1', 'KILL');
        assert.equal(it.poolState(), 'pinned 2');
        assert.equal((await it.release('status.sh', { ok: false })).status, 1);
        assert.equal((await it.release(`blue-green.sh ${tagOf('two')}`, { ok: false })).status, 1);
        await it.release(command.replace('release/', ''));
      });
      requireNoneFailed(t, 'interrupted, killed, finished', result);
      allOn(await it.servers(), name, 2);
      assert.equal(it.poolState(), 'blue');
      assert.equal(it.setting('APP_IMAGE'), tagOf(name));
    },
  },
];
