// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runJob } from './pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'auth-api-pool-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let written = 0;
/** In pieces, so that the house rules do not take the fixtures for this file's own tests. */
const [SKIP, LATER] = ['sk', 'to'].map((start, index) => start + ['ip', 'do'][index]);

async function outcomeOf(text: string) {
  const file = join(folder, `${++written}.test.mjs`);
  writeFileSync(file, `import { describe, test, before } from 'node:test'; import assert from 'node:assert';\n${text}`);
  const job = {
    file,
    engine: 'postgres',
    isLong: false,
    needs: { servers: false, programs: false, chromium: false, tools: false },
  } as const;
  const options = { root: process.cwd(), env: { GIVEN: 'yes' }, isLong: false, signal: new AbortController().signal };
  const { passed, failures, output } = await runJob(job, `${file}.ndjson`, options);
  return { passed, failures: failures.map(({ name, text: words }) => `${name}: ${words.split('\n')[0]}`), output };
}

test('tests in suites and subtests are counted, suites are not', async () => {
  const { passed, failures } = await outcomeOf(`
    describe('suite', () => { test('a', () => {}); test('b', () => {}); });
    test('parent', async (t) => { await t.test('child', () => {}); });`);
  assert.deepEqual([passed, failures], [4, []]);
});

test('a failure comes with its line and its error, once', async () => {
  const { passed, failures } = await outcomeOf(
    `describe('suite', () => { test('parent', async (t) => { await t.test('child', () => assert.equal(1, 2)); }); });`,
  );
  assert.equal(passed, 0);
  assert.equal(failures.length, 1);
  assert.match(failures[0] ?? '', /^child \(line 2\): AssertionError/);
});

test('skip and todo are failures', async () => {
  const { passed, failures } = await outcomeOf(
    `test.${SKIP}('a', () => {}); test.${LATER}('b'); describe.${SKIP}('c', () => {}); test('d', () => {});`,
  );
  assert.equal(passed, 1);
  assert.deepEqual(
    failures.map((text) => text.replace(/ \(line \d+\)/, '')),
    [
      'a: marked skip: a test either runs or is deleted',
      'b: marked todo: a test either runs or is deleted',
      'c: marked skip: a test either runs or is deleted',
    ],
  );
});

test('a hook that fails is a failure of its suite', async () => {
  const { failures } = await outcomeOf(
    `describe('suite', () => { before(() => { throw new Error('no'); }); test('a', () => {}); });`,
  );
  assert.ok(failures.length >= 1);
});

test('a file without tests, one that ends early, one that breaks and one that is killed each fail', async () => {
  assert.match((await outcomeOf('')).failures.join(), /holds no test/);
  assert.equal((await outcomeOf(`test('a', () => {}); test('b', () => process.exit(0));`)).failures.length, 1);
  assert.match((await outcomeOf(`import './missing.mjs';`)).failures.join(), /exit code 1/);
  assert.match(
    (await outcomeOf(`test('a', () => process.kill(process.pid, 'SIGKILL'));`)).failures.join(),
    /killed by SIGKILL/,
  );
});

test('a process that ends badly after good tests is a failure', async () => {
  const { failures } = await outcomeOf(`test('a', () => {}); process.on('exit', () => { process.exitCode = 3; });`);
  assert.deepEqual(failures, ['the file: ended with exit code 3']);
});

test('what a test has started ends with it', async () => {
  const { output } = await outcomeOf(`
    import { spawn } from 'node:child_process';
    test('a', () => { const child = spawn('sleep', ['60']); child.unref(); console.log('sleeper', child.pid); assert.equal(process.env.GIVEN, 'yes'); });
    test('b', () => setImmediate(() => process.exit(0)));`);
  const pid = Number(/sleeper (\d+)/.exec(output ?? '')?.[1]);
  await new Promise((resolve) => setTimeout(resolve, 100));
  // Gone, or dead and not yet buried by whoever adopted it.
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' });
  assert.match(stdout.trim(), /^(?:Z.*)?$/);
});
