import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db, Tx } from '../../platform/db/index.ts';
import { recordAudit } from './record.ts';
import { applyRetention } from './retention.ts';
import { ALICE, by, encryption, event, type Ground, openGround, openScene, type Scene } from './test-kit.ts';
import { verifyChain } from './verify.ts';

for (const name of ['postgres', 'embedded'] as const) {
  describe(`the sealer on ${name}`, () => {
    let ground: Ground;
    let scene: Scene;
    before(async () => {
      ground = await openGround(name);
    });
    after(() => ground.close());
    beforeEach(async () => {
      scene = await openScene(ground);
    });
    const verify = () => verifyChain(scene.db, encryption, { now: scene.clock.time });
    const write = (count: number) =>
      recordAudit(
        scene.db,
        encryption,
        Array.from({ length: count }, () => event()),
      );
    const retain = (days: number) => applyRetention({ ...scene, encryption, days });

    it('seals more than a batch at once, and nothing when nothing waits', async () => {
      await write(2300);
      assert.equal(await scene.sealer.sealNow(), 2300);
      assert.equal(await scene.sealer.sealNow(), 0);
      const report = await verify();
      assert.deepEqual([report.faults, report.lines], [[], 2300]);
    });

    it('two sealers at once make one chain', async () => {
      const sealers = [scene.newSealer(), scene.newSealer(ground.other)];
      for (let round = 0; round < 20; round++) {
        await write(30);
        await Promise.all(sealers.map((sealer) => sealer.sealNow()));
      }
      await sealers[0]?.sealNow();
      const report = await verify();
      assert.deepEqual([report.faults, report.lines, report.unsealed], [[], 600, 0]);
    });

    it('a transaction that fails at any statement of a batch leaves everything in the inbox', async () => {
      await write(5);
      for (let failing = 1; failing <= 6; failing++) {
        const sealer = scene.newSealer(failingAt(scene.db, failing));
        await assert.rejects(sealer.sealNow(), /on purpose/);
        const report = await verify();
        assert.deepEqual([report.lines, report.unsealed, report.faults], [0, 5, []], `statement ${failing}`);
      }
      assert.equal(await scene.sealer.sealNow(), 5);
      assert.equal((await verify()).ok, true);
    });

    it('it runs by itself, and stops with nothing left behind', async () => {
      scene.sealer.start();
      await write(3);
      for (let waited = 0; waited < 3000 && (await verify()).lines < 3; waited += 50) await sleep(50);
      assert.equal((await verify()).lines, 3);
      await write(2);
      await scene.sealer.stop();
      assert.deepEqual([(await verify()).lines, (await verify()).unsealed], [5, 0]);
    });

    it('a clock that goes back leaves the months of the chain in order', async () => {
      await scene.write([by(ALICE)]);
      scene.clock.time -= 40 * 86_400_000;
      await scene.write([by(ALICE)]);
      const rows = await scene.db.query(
        'SELECT 1 FROM audit.events a JOIN audit.events b ON b.seq = a.seq + 1 WHERE b.sealed_at < a.sealed_at',
      );
      assert.equal(rows.length, 0);
      assert.equal((await verify()).ok, true);
    });

    it('a role that may not make partitions still seals', async () => {
      await scene.db.script(
        "CREATE OR REPLACE FUNCTION audit.ensure_partitions(since timestamptz, months integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RAISE insufficient_privilege; END'",
      );
      await write(2);
      assert.equal(await scene.sealer.sealNow(), 2);
      assert.match(scene.logged[0]?.message ?? '', /default one takes them/);
    });

    it('a month without a partition goes to the default one, and retention still drops it', async () => {
      await scene.db.script('DROP TABLE audit.events_y2026m11, audit.checkpoints_y2026m11');
      const ensured = scene.newSealer();
      await write(2);
      await scene.db.script(`CREATE TABLE audit.checkpoints_y2026m11 PARTITION OF audit.checkpoints
        FOR VALUES FROM ('2026-11-01T00:00:00Z') TO ('2026-12-01T00:00:00Z')`);
      await ensured.sealNow();
      assert.deepEqual(await scene.db.query('SELECT seq FROM audit.events_default'), [{ seq: 1 }, { seq: 2 }]);
      await scene.db.script(
        'CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit.checkpoints_y2026m11 FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change()',
      );
      scene.clock.time += 120 * 86_400_000;
      await write(1);
      await ensured.sealNow();
      assert.deepEqual(await retain(30), [
        'checkpoints_y2026m11',
        'checkpoints_y2026m12',
        'events_y2026m12',
        'events_default',
      ]);
      await ensured.sealNow();
      const report = await verify();
      assert.deepEqual([report.faults, report.lines], [[], 2]);
    });

    it('retention drops whole months, signs where the chain begins, and is itself in the log', async () => {
      const month = 30 * 86_400_000;
      for (let index = 0; index < 5; index++) {
        await write(3);
        await scene.sealer.sealNow();
        scene.clock.time += month;
      }
      const dropped = await retain(60);
      assert.deepEqual(dropped, [
        'checkpoints_y2026m11',
        'checkpoints_y2026m12',
        'checkpoints_y2027m01',
        'events_y2026m11',
        'events_y2026m12',
        'events_y2027m01',
      ]);
      assert.deepEqual(await retain(60), [], 'once');
      await scene.sealer.sealNow();
      const report = await verify();
      assert.deepEqual([report.faults, report.lines, report.head.seq], [[], 7, 16]);
      const rows = await scene.db.query("SELECT detail FROM audit.events WHERE action = 'audit.partition_dropped'");
      assert.deepEqual(rows, [{ detail: { first: 1, last: 9, partitions: dropped, deleted: [] } }]);

      // Whoever shortens the chain without the key is found: by dropping on their own, or by moving the anchor.
      await scene.tamper("UPDATE audit.anchors SET seq = 8, hash = '\\x00'");
      assert.ok((await verify()).faults.some((fault) => fault.kind === 'bad_signature'));
      await scene.tamper('DELETE FROM audit.anchors');
      assert.deepEqual((await verify()).faults[0], { kind: 'missing', seq: 1, detail: 'lines 1 to 9 are missing' });
    });

    it('an erased line outlives the deletion that it belongs to', async () => {
      await scene.write([by(ALICE)], [by(ALICE, { action: 'user.deleted' })]);
      scene.clock.time += 25 * 86_400_000;
      await scene.write([{ action: 'mail.failed', outcome: 'failure', actor: { type: 'system' }, subject: ALICE }]);
      scene.clock.time += 30 * 86_400_000;
      await scene.write([by(ALICE)]);
      assert.equal((await retain(30)).length, 2);
      assert.ok(
        (await verify()).faults.some((fault) => fault.kind === 'erased_without_event'),
        'not yet sealed',
      );
      await scene.sealer.sealNow();
      const report = await verify();
      assert.deepEqual([report.faults, report.erased], [[], 2]);
    });

    it('dropping partitions without a signed anchor is found', async () => {
      await scene.write([by(ALICE)]);
      scene.clock.time += 70 * 86_400_000;
      await scene.write([by(ALICE)]);
      await scene.db.query('SELECT audit.drop_partitions_before($1)', [new Date(scene.clock.time)]);
      assert.deepEqual(
        (await verify()).faults.map((fault) => fault.kind),
        ['missing', 'bad_signature'],
      );
    });

    it('retention keeps what does not verify: it is no way to be rid of an altered line', async () => {
      await scene.write([by(ALICE)]);
      scene.clock.time += 70 * 86_400_000;
      await scene.write([by(ALICE)]);
      await scene.tamper("UPDATE audit.events SET reason = 'changed' WHERE seq = 1");
      assert.deepEqual(await retain(30), []);
      assert.match(scene.logged.at(-1)?.message ?? '', /kept/);
    });

    it('the end of the chain stays, however old it is', async () => {
      await scene.write([by(ALICE)]);
      scene.clock.time += 700 * 86_400_000;
      assert.deepEqual(await retain(30), []);
      await scene.write([by(ALICE)]);
      assert.equal((await verify()).ok, true);
    });
  });
}

/** The same database, whose transactions fail at their n-th statement. */
function failingAt(db: Db, failing: number): Db {
  const work = <T>(run: (tx: Tx) => Promise<T>) =>
    db.transaction((tx) => {
      let statement = 0;
      const count = () => {
        statement += 1;
        if (statement === failing) throw new Error('on purpose');
      };
      return run({
        ...tx,
        query: async (text, values) => {
          count();
          return tx.query(text, values);
        },
        execute: async (text, values) => {
          count();
          return tx.execute(text, values);
        },
      }).then((result) => {
        if (statement < failing) throw new Error('on purpose, before the commit');
        return result;
      });
    });
  return { ...db, transaction: work };
}
