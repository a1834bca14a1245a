import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { greenRows } from '../release/green-rows.ts';
import { rollingRows } from '../release/rolling-rows.ts';
import { allOn, other, requireNoneFailed, restore, scene } from '../release/scene.ts';
import { column, undoMigration } from '../release/schema.ts';
import { tagOf } from '../release/variant.ts';
import type { Area } from '../row.ts';

export const release: Area = {
  name: 'release',
  title: 'Releases',
  needs: ['stack'],
  rows: [
    ...rollingRows,
    ...greenRows,
    {
      name: 'rollback: the former image serves on the newer schema',
      timeout: 300,
      async run(t) {
        const it = await scene(t);
        t.after(() => undoMigration(t));
        const name = other(it.setting('APP_IMAGE')) === 'one' ? 'two' : 'one';
        const result = await it.underLoad(async () => {
          await it.release(`rolling.sh ${tagOf('newer')} --batch 2`);
          assert.equal(await column(t, 'release_test'), '1');
          await it.release('rollback.sh');
        });
        requireNoneFailed(t, 'forward and back', result);
        allOn(await it.servers(), name, 2);
        assert.equal(await column(t, 'release_test'), '1');
        assert.equal(it.setting('APP_IMAGE_PREVIOUS'), tagOf('newer'));
        const { stdout } = await it.compose('run --rm --no-deps -T migrate');
        assert.doesNotMatch(stdout, /9999/);
      },
    },
    {
      name: 'two releases at once: the second one is refused; and the stack is left as it was',
      timeout: 200,
      async run(t) {
        t.after(() => restore(t));
        const it = await scene(t);
        const { status, stderr } = await it.release('rolling.sh nowhere.invalid/x:1', { ok: false });
        assert.equal(status, 69, stderr);
        const lock = t.sh(`flock ${it.stack.folder}/nginx/live/.lock sleep 7`);
        await sleep(500);
        const second = await it.release(`scale.sh 2`, { ok: false });
        assert.equal(second.status, 75, second.stderr);
        await lock;
      },
    },
  ],
};
