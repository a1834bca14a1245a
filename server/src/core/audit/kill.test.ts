import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCheckpointFromLog } from './log-checkpoint.ts';
import { encryption, type Ground, openGround, openScene, type Scene } from './test-kit.ts';
import { verifyChain } from './verify.ts';

describe('sealers in processes of their own', () => {
  let ground: Ground;
  let scene: Scene;
  before(async () => {
    ground = await openGround('postgres');
    scene = await openScene(ground);
  });
  after(() => ground.close());

  const here = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
  /** Writes one line at a time, says its id once it is committed, and seals all the while. */
  function startProcess(): ChildProcess {
    const url = new URL(ground.url as string);
    const connection = {
      host: url.hostname,
      port: Number(url.port),
      database: url.pathname.slice(1),
      user: url.username,
      password: url.password,
      tls: false,
    };
    const code = `
      import { openPostgres } from ${here('../../platform/db/postgres.ts')};
      import { createSealer } from ${here('./sealer.ts')};
      import { auditRow } from ${here('./line.ts')};
      import { insertInbox } from ${here('./store.ts')};
      import { encryption, event } from ${here('./test-kit.ts')};
      const connection = ${JSON.stringify(connection)};
      const db = openPostgres({ kind: 'postgres', connection, direct: connection, poolMin: 0, poolMax: 3 }, () => {});
      const clock = { now: () => Date.now() };
      createSealer({ db, encryption, clock, log: { info() {}, error(f, m) { console.error(m, f); } }, everyMs: 1 }).start();
      for (;;) {
        const row = auditRow(event({}, Date.now()), encryption);
        await insertInbox(db, [row]);
        process.stdout.write(row.id + '\\n');
      }`;
    return spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  it('nothing that was acknowledged is lost or doubled by kill -9, and the chain stays whole', async () => {
    let acknowledged = '';
    for (let round = 0; round < 5; round++) {
      const processes = [startProcess(), startProcess()];
      let said = 0;
      for (const one of processes)
        one.stdout?.on('data', (text) => {
          acknowledged += text;
          said += 1;
        });
      while (said < 20) await sleep(10);
      await sleep(40 * round);
      for (const one of processes) one.kill('SIGKILL');
      await Promise.all(processes.map((one) => once(one, 'close')));
    }
    scene.clock.time = Date.now();
    for (let tries = 0; tries < 50 && (await scene.db.query('SELECT 1 FROM audit.inbox LIMIT 1')).length > 0; tries++) {
      await scene.sealer.sealNow();
      await sleep(20);
    }
    const ids = acknowledged.split('\n').filter((id) => id.length === 36);
    const kept = await scene.db.query<{ id: string }>('SELECT id FROM audit.events');
    const known = new Set(kept.map((row) => row.id));
    assert.ok(ids.length > 100);
    assert.deepEqual(
      ids.filter((id) => !known.has(id)),
      [],
    );
    const report = await verifyChain(scene.db, encryption, { now: scene.clock.time });
    assert.deepEqual([report.faults, report.lines, report.unsealed], [[], kept.length, 0]);
  });
});

it('the furthest checkpoint of a log file is found, whatever else stands in it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'audit-log-'));
  const path = join(folder, 'app.log');
  const line = (seq: unknown, chain: string, message = 'audit checkpoint') =>
    JSON.stringify({ level: 'info', seq, chain, message });
  const hash = 'ab'.repeat(32);
  await writeFile(
    path,
    [
      line(7, hash),
      `docker: ${line(12, hash)}`,
      line(9, hash),
      line(99, 'short'),
      line('100', hash),
      line(101, hash, 'other: audit checkpoint'),
      JSON.stringify({ userAgent: line(102, hash) }),
      '{"message": "audit checkpoint", "seq": 103',
      '',
    ].join('\n'),
  );
  assert.deepEqual(await readCheckpointFromLog(path), { seq: 12, hash });
  await writeFile(path, 'nothing\n');
  assert.equal(await readCheckpointFromLog(path), null);
  await rm(folder, { recursive: true });
});
