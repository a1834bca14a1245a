// engines: none
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { figures, register, type ServerProcess, serviceEnv, spawnServer, startServer } from '../processes.ts';

const service = serviceEnv();
const socket = join(service.DATA_DIR as string, 'server.sock');

/** Starts several at the same instant; the one that serves, and how the others ended. */
async function together(count: number): Promise<{ serving: ServerProcess[]; refused: ServerProcess[] }> {
  const all = await Promise.all(Array.from({ length: count }, () => spawnServer(service)));
  const outcomes = await Promise.all(
    all.map((one) =>
      Promise.race([one.ready(30_000).then(() => true), one.exited.then(() => false)]).catch(() => false),
    ),
  );
  return { serving: all.filter((_, at) => outcomes[at]), refused: all.filter((_, at) => !outcomes[at]) };
}

test('F-57: of processes that start at the same instant on one folder exactly one serves, also beside a dead one’s socket', async (t) => {
  let rounds = 0;
  for (const count of [2, 4]) {
    const { serving, refused } = await together(count);
    assert.equal(serving.length, 1);
    for (const one of refused) {
      assert.deepEqual(await one.exited, { code: 69, signal: null });
      assert.match(one.errors(), new RegExp(`in use by process ${serving[0]?.pid}\\b`));
    }
    await (serving[0] as ServerProcess).kill('SIGKILL');
    assert.ok(existsSync(socket), 'a killed process leaves its socket behind');
    rounds += 1;
  }
  figures(t, { rounds });
});

test('F-57: a second process is refused with the holder named, and does not disturb it', async () => {
  const holder = await startServer(service);
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  const second = await spawnServer(service);
  assert.deepEqual(await second.exited, { code: 69, signal: null });
  assert.match(second.errors(), new RegExp(`in use by process ${holder.pid}\\b`));
  await register(holder);
  assert.deepEqual(await holder.kill('SIGTERM'), { code: 0, signal: null });
  assert.equal(existsSync(socket), false);
});
