import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { chainHash, GENESIS, type SealedLine } from './line.ts';
import { recordAudit } from './record.ts';
import { HASHED_COLUMNS } from './store.ts';
import { ALICE, BOB, by, encryption, event, type Ground, openGround, openScene, type Scene } from './test-kit.ts';
import { type VerifyOptions, verifyChain } from './verify.ts';

for (const name of ['postgres', 'embedded'] as const) {
  describe(`the audit chain on ${name}`, () => {
    let ground: Ground;
    let scene: Scene;
    before(async () => {
      ground = await openGround(name);
    });
    after(() => ground.close());
    beforeEach(async () => {
      scene = await openScene(ground);
    });

    const verify = (options: Partial<VerifyOptions> = {}, keys = encryption) =>
      verifyChain(scene.db, keys, { now: scene.clock.time, ...options });
    const kinds = async (options: Partial<VerifyOptions> = {}) =>
      (await verify(options)).faults.map((fault) => `${fault.kind}${fault.seq === undefined ? '' : ` ${fault.seq}`}`);

    /** Ten lines in four batches: 1-3, 4-6, 7-9, 10. */
    async function tenLines(): Promise<void> {
      const three = [by(ALICE), by(BOB, { detail: { n: 1 } }), { reason: 'unknown', outcome: 'failure' as const }];
      await scene.write(three, three, three, [by(ALICE)]);
    }

    /** What someone with the whole database but without ENCRYPTION_KEY can do: compute every hash anew. */
    async function recompute(): Promise<void> {
      const lines = await scene.db.query<SealedLine>(
        `SELECT seq, ${HASHED_COLUMNS}, genuine, sealed_at, hash FROM audit.events ORDER BY seq`,
      );
      let previous: Buffer = GENESIS;
      for (const line of lines) {
        previous = chainHash(previous, line);
        await scene.tamper(`UPDATE audit.events SET hash = '\\x${previous.toString('hex')}' WHERE seq = ${line.seq}`);
      }
    }

    it('an untouched chain verifies, with its numbers contiguous and its checkpoints logged', async () => {
      assert.deepEqual(await verify(), {
        ok: true,
        lines: 0,
        erased: 0,
        unsealed: 0,
        head: { seq: 0, hash: GENESIS },
        faults: [],
        faultCount: 0,
      });
      await tenLines();
      const report = await verify();
      assert.deepEqual(report.faults, []);
      assert.deepEqual([report.ok, report.lines, report.head.seq], [true, 10, 10]);
      const checkpoints = scene.logged.filter((entry) => entry.message === 'audit checkpoint');
      assert.deepEqual(
        checkpoints.map((entry) => entry.fields.seq),
        [3, 6, 9, 10],
      );
      assert.equal(checkpoints.at(-1)?.fields.chain, report.head.hash.toString('hex'));
    });

    it('a change of any column of a sealed line is found and named (ADM-12)', async () => {
      await tenLines();
      const changes: Record<string, string> = {
        id: `'${BOB}'`,
        at: "at + interval '1 ms'",
        action: "'user.updated'",
        outcome: "'denied'",
        actor_type: "'system'",
        actor_id: `'${ALICE}'`,
        subject_id: 'NULL',
        session_id: `'${ALICE}'`,
        reason: "'other'",
        request_id: "'other'",
        detail: `'{"n": 1.0}'`,
        personal_hash: "'\\x00'",
        genuine: 'NOT genuine',
        sealed_at: "sealed_at + interval '1 ms'",
        hash: "'\\x00'",
        personal: `'{"address": "198.51.100.1"}'`,
        personal_salt: "'\\x00'",
      };
      for (const [column, value] of Object.entries(changes)) {
        await scene.db.script('CREATE TABLE public.copy AS SELECT * FROM audit.events WHERE seq = 5');
        await scene.tamper(`UPDATE audit.events SET ${column} = ${value} WHERE seq = 5`);
        const found = await kinds();
        assert.ok(found.includes('changed 5'), `${column}: ${found.join()}`);
        assert.ok(
          found.every((fault) => /^(changed|forged) 5$/.test(fault)),
          `${column}: ${found.join()}`,
        );
        await scene.tamper(
          `UPDATE audit.events e SET (${column}) = (SELECT c.${column} FROM public.copy c) WHERE e.seq = 5`,
          'DROP TABLE public.copy',
        );
      }
      assert.deepEqual(await kinds(), []);
    });

    it('a change that is computed through to the end is found by the signatures', async () => {
      await tenLines();
      await scene.tamper("UPDATE audit.events SET outcome = 'success', reason = NULL WHERE seq = 6");
      await recompute();
      assert.deepEqual(await kinds(), ['changed 6', 'changed 9', 'changed 10']);
      await scene.tamper('UPDATE audit.checkpoints c SET hash = e.hash FROM audit.events e WHERE e.seq = c.seq');
      assert.ok((await kinds()).includes('bad_signature 6'));
      await scene.tamper('DELETE FROM audit.checkpoints WHERE seq >= 6');
      assert.deepEqual(await kinds(), ['bad_signature 4']);
      await scene.tamper('DELETE FROM audit.checkpoints');
      assert.deepEqual(await kinds(), ['bad_signature 1']);
    });

    it('checkpoints of a key that nobody has do not pass for those of a key that was rotated out', async () => {
      await tenLines();
      await scene.tamper("UPDATE audit.events SET reason = 'changed' WHERE seq = 10");
      await recompute();
      await scene.tamper(
        "UPDATE audit.checkpoints c SET hash = e.hash, key_id = 'ffff' FROM audit.events e WHERE e.seq = c.seq AND c.seq = 10",
      );
      assert.deepEqual(await kinds(), ['bad_signature 10']);
      // Nor does the sealer sign for them: it says what it found, and that stays in the chain.
      const fresh = scene.newSealer();
      await fresh.sealNow();
      await fresh.sealNow();
      assert.deepEqual(await kinds(), ['broken 11']);
      assert.match(scene.logged.find((entry) => entry.level === 'error')?.message ?? '', /broken/);
    });

    it('a missing line is named, wherever it is, and the lines after it are still verified', async () => {
      await tenLines();
      await scene.tamper('DELETE FROM audit.events WHERE seq = 5');
      assert.deepEqual(await kinds(), ['missing 5']);
      await scene.tamper('DELETE FROM audit.events WHERE seq IN (1, 4, 6)');
      assert.deepEqual(await kinds(), ['missing 1', 'missing 4']);
      await scene.tamper("UPDATE audit.events SET reason = 'changed' WHERE seq = 7");
      assert.deepEqual(await kinds(), ['missing 1', 'missing 4', 'changed 7']);
    });

    it('lines that change places, stand twice, or lie outside the chain are found', async () => {
      await tenLines();
      const swap = () =>
        scene.tamper(
          ...['seq = -seq WHERE seq IN (4, 5)', 'seq = 9 + seq WHERE seq < 0'].map(
            (text) => `UPDATE audit.events SET ${text}`,
          ),
        );
      const columns = `id, at, action, outcome, actor_type, actor_id, subject_id, session_id, reason, request_id, detail,
        personal, personal_salt, personal_hash, genuine, sealed_at, hash`;
      await swap();
      assert.deepEqual(await kinds(), ['changed 4', 'changed 5', 'changed 6']);
      await swap();
      for (const [seq, expected] of [
        ['9007199254740993', ['forged', 'repeated 10']],
        ['-1', ['repeated -1', 'forged', 'repeated 10']],
        ['12', ['repeated 10', 'missing 11', 'repeated 12']],
      ] as const) {
        await scene.tamper(
          `INSERT INTO audit.events (seq, ${columns}) SELECT ${seq}, ${columns} FROM audit.events WHERE seq = 10`,
        );
        const found = await kinds();
        for (const fault of expected) assert.ok(found.includes(fault), `${seq}: ${found.join()}`);
        await scene.tamper(`DELETE FROM audit.events WHERE seq = ${seq}`);
      }
      assert.deepEqual(await kinds(), []);
    });

    it('a tail that is cut off is found by its checkpoints', async () => {
      await tenLines();
      await scene.tamper('DELETE FROM audit.events WHERE seq > 8');
      assert.deepEqual(await kinds(), ['cut_off 9']);
    });

    it('a tail that is cut off with its checkpoints is found by whoever remembers one', async () => {
      await tenLines();
      const { head } = await verify();
      await scene.tamper('DELETE FROM audit.events WHERE seq > 6', 'DELETE FROM audit.checkpoints WHERE seq > 6');
      assert.deepEqual(await kinds(), [], 'nothing in the database tells');
      assert.deepEqual(await kinds({ expectCheckpoint: head }), ['cut_off 7']);
      assert.deepEqual(await kinds({ expectCheckpoint: { seq: 10, hash: head.hash.toString('hex') } }), ['cut_off 7']);
      // A process that knows nothing grows the chain again past the remembered number: its hash is another.
      await recordAudit(
        scene.db,
        encryption,
        Array.from({ length: 6 }, () => event()),
      );
      await scene.newSealer().sealNow();
      assert.deepEqual(await kinds(), []);
      assert.deepEqual(await kinds({ expectCheckpoint: head }), ['changed 10']);
    });

    it('the sealer remembers the end that it saw: a cut tail is logged, and stays in the chain as broken', async () => {
      await tenLines();
      await scene.tamper('DELETE FROM audit.events WHERE seq > 6', 'DELETE FROM audit.checkpoints WHERE seq > 6');
      assert.equal(await scene.sealer.sealNow(), 1);
      const error = scene.logged.find((entry) => entry.level === 'error');
      assert.deepEqual(error?.fields, { kind: 'cut_off', found: 6, remembered: 10 });
      assert.deepEqual(await kinds(), ['missing 7', 'bad_signature 7', 'broken 11']);
      assert.equal(await scene.sealer.sealNow(), 0, 'it is said once');
      // And with the whole chain gone.
      await scene.tamper('DELETE FROM audit.events', 'DELETE FROM audit.checkpoints');
      await scene.write([by(ALICE)]);
      assert.ok((await kinds()).includes('broken 12'));
    });

    it('the sealer notices a cut that another process has already grown over', async () => {
      await tenLines();
      await scene.tamper('DELETE FROM audit.events WHERE seq > 6', 'DELETE FROM audit.checkpoints WHERE seq > 6');
      await recordAudit(
        scene.db,
        encryption,
        Array.from({ length: 6 }, () => event()),
      );
      await scene.newSealer(ground.other).sealNow();
      await scene.sealer.sealNow();
      assert.deepEqual(await kinds(), ['broken 13']);
    });

    it('a line that somebody put into the inbox, or changed there, is sealed as forged', async () => {
      await scene.write([by(ALICE)]);
      await recordAudit(scene.db, encryption, [event(by(BOB))]);
      await scene.db.script("UPDATE audit.inbox SET outcome = 'failure'");
      await scene.db.script(`INSERT INTO audit.inbox (id, at, action, outcome, actor_type, personal_hash)
        VALUES ('${ALICE}', '2026-11-10T12:00:01Z', 'user.deleted', 'success', 'user', '\\x00')`);
      await scene.write([]);
      assert.deepEqual(await kinds(), ['forged 2', 'erased_without_event 2', 'forged 3']);
      assert.deepEqual(scene.logged.find((entry) => entry.level === 'error')?.fields, { count: 2 });
    });

    it('a genuine line that is put into the inbox a second time is found', async () => {
      await recordAudit(scene.db, encryption, [event(by(BOB))]);
      await scene.db.script('CREATE TABLE public.copy AS SELECT * FROM audit.inbox');
      await scene.sealer.sealNow();
      await scene.db.script('INSERT INTO audit.inbox SELECT * FROM public.copy; DROP TABLE public.copy');
      await scene.sealer.sealNow();
      assert.deepEqual(await kinds(), ['repeated 1', 'repeated 2']);
    });

    it('a line that waits for more than five seconds is found', async () => {
      await recordAudit(scene.db, encryption, [event()]);
      scene.clock.time += 4000;
      assert.deepEqual([(await verify()).unsealed, ...(await kinds())], [1]);
      scene.clock.time += 2000;
      assert.deepEqual(await kinds(), ['unsealed']);
      await scene.sealer.sealNow();
      assert.deepEqual(await kinds(), []);
    });
  });
}
