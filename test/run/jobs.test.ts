// engines: none
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobsOf } from './jobs.ts';

const engines = (file: string, text: string) => jobsOf(file, text).map((job) => job.engine);

test('a file that imports the kit runs once on each engine', () => {
  assert.deepEqual(engines('server/src/a.test.ts', "import { app } from '../../test/kit/app.ts';"), [
    'postgres',
    'embedded',
  ]);
  assert.deepEqual(engines('server/src/a.test.ts', "import { app } from '../../test/kit.ts';"), [
    'postgres',
    'embedded',
  ]);
});

test('a file that imports something which is only called like the kit runs once', () => {
  assert.deepEqual(engines('server/src/a.test.ts', "import { scene } from './test-kit.ts';"), [null]);
});

test('a file that speaks to the servers itself runs once, with servers', () => {
  const [job] = jobsOf('server/src/a.test.ts', 'const url = process.env.TEST_DATABASE_URL;');
  assert.deepEqual(job, {
    file: 'server/src/a.test.ts',
    engine: 'postgres',
    isLong: false,
    needs: { servers: true, programs: false, chromium: false, tools: false },
  });
});

test('a helper that speaks to the servers counts as the file that imports it', () => {
  const [job] = jobsOf('server/src/a.test.ts', "import { scene } from './test-kit.ts';", 'process.env.TEST_REDIS_URL');
  assert.equal(job?.needs.servers, true);
});

test('the comment in the first lines decides over everything else', () => {
  const kit = "import { app } from '../kit/app.ts';";
  assert.deepEqual(engines('test/a.test.ts', `// engines: embedded\n${kit}`), ['embedded']);
  assert.deepEqual(engines('test/a.test.ts', `// engines: embedded, postgres\n`), ['embedded', 'postgres']);
  assert.deepEqual(engines('test/a.test.ts', `// engines: none\n${kit}`), [null]);
  assert.throws(() => jobsOf('test/a.test.ts', '// engines: sqlite\n'), /names sqlite/);
});

test('a long file is known by its name', () => {
  assert.equal(jobsOf('test/kill.long.test.ts', '')[0]?.isLong, true);
});
