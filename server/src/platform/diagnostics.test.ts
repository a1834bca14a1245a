import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { writeHeapSnapshot } from './diagnostics.ts';

const folder = await mkdtemp(join(tmpdir(), 'auth-api-heap-'));
after(() => rm(folder, { recursive: true }));

test('a heap snapshot is private, complete and logged, and never two are taken at once', async () => {
  const said: unknown[][] = [];
  const log = {
    warn: (...line: unknown[]) => void said.push(line),
    error: (...line: unknown[]) => void said.push(line),
  };
  const [path, second] = await Promise.all([
    writeHeapSnapshot(folder, log as never),
    writeHeapSnapshot(folder, log as never),
  ]);
  assert.equal(second, null);
  assert.ok(path !== null && dirname(path) === folder);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.ok(Array.isArray(JSON.parse(await readFile(path, 'utf8')).nodes));
  assert.equal((await readdir(folder)).length, 1);
  assert.deepEqual(said[0], ['a heap snapshot is being written already']);
  assert.deepEqual(said[1]?.[0], { path });
});

test('where the data directory cannot be written, the snapshot goes to the temporary one', async () => {
  const log = { warn: () => undefined, error: () => undefined };
  const path = await writeHeapSnapshot(join(folder, 'absent'), log as never);
  assert.ok(path !== null && dirname(path) === tmpdir());
  await rm(path);
});
