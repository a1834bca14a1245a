import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createEncryption } from '../../platform/encryption.ts';
import { recordAudit } from './record.ts';
import { ALICE, BOB, by, encryption, event, type Ground, KEY, openGround, openScene, type Scene } from './test-kit.ts';
import { type VerifyOptions, verifyChain } from './verify.ts';

const NEW_KEY = Buffer.alloc(32, 9);

for (const name of ['postgres', 'embedded'] as const) {
  describe(`guards and erasure of the audit log on ${name}`, () => {
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

    it('nothing sealed can be updated, deleted or truncated, not through a partition either (ADM-12)', async () => {
      await tenLines();
      for (const table of ['events', 'events_y2026m11', 'checkpoints', 'checkpoints_y2026m11', 'anchors']) {
        await scene.db.script(
          "INSERT INTO audit.anchors VALUES (0, '\\x00', now(), 'x', '\\x00') ON CONFLICT DO NOTHING",
        );
        for (const statement of [
          `UPDATE audit.${table} SET seq = seq + 1`,
          `DELETE FROM audit.${table}`,
          `TRUNCATE audit.${table}`,
        ]) {
          await assert.rejects(scene.db.script(statement), /append-only/, statement);
        }
      }
      await assert.rejects(
        scene.db.script('UPDATE audit.events SET personal = NULL, personal_salt = NULL'),
        /append-only/,
      );
      const more = scene.db.transaction(async (tx) => {
        await tx.execute("SET LOCAL audit.erasing = 'on'");
        await tx.execute("UPDATE audit.events SET personal = NULL, personal_salt = NULL, reason = 'x'");
      });
      await assert.rejects(more, /append-only/, 'an erasure changes nothing else');
    });

    it('a trigger that was switched off, dropped or added is named', async () => {
      await scene.write([by(ALICE)]);
      await scene.db.script('ALTER TABLE audit.events_y2026m11 DISABLE TRIGGER append_only');
      await scene.db.script('DROP TRIGGER no_truncate ON audit.checkpoints');
      await scene.db.script(`CREATE FUNCTION audit.swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
        CREATE TRIGGER swallow BEFORE INSERT ON audit.inbox FOR EACH ROW EXECUTE FUNCTION audit.swallow()`);
      assert.deepEqual(
        (await verify()).faults.map((fault) => fault.detail),
        [
          'the trigger no_truncate on audit.checkpoints is missing or switched off',
          'the trigger append_only on audit.events_y2026m11 is missing or switched off',
          'the trigger swallow on audit.inbox is not this server’s',
        ],
      );
    });

    it('deleting a user erases what is personal in their lines, and the chain stays green', async () => {
      await tenLines();
      await recordAudit(scene.db, encryption, [event(by(ALICE, { personal: { email: 'alice@example.com' } }))]);
      await scene.write([{ action: 'user.deleted', ...by(ALICE), personal: { email: 'alice@example.com' } }]);
      await scene.write([by(ALICE, { reason: 'late' })]);
      const left = await scene.db.query<{ left: number }>(
        `SELECT count(*) AS left FROM audit.events WHERE (subject_id = $1 OR actor_id = $1)
          AND (personal IS NOT NULL OR personal_salt IS NOT NULL OR address IS NOT NULL)`,
        [ALICE],
      );
      assert.equal(left[0]?.left, 0);
      const report = await verify();
      assert.deepEqual([report.faults, report.erased, report.lines], [[], 7, 13]);
      const bob = await scene.db.query('SELECT 1 FROM audit.events WHERE subject_id = $1 AND personal IS NULL', [BOB]);
      assert.equal(bob.length, 0, 'nobody else’s');
    });

    it('erase_subject reaches the inbox too, in the transaction of the deletion', async () => {
      await scene.write([by(ALICE)]);
      await recordAudit(scene.db, encryption, [event(by(ALICE)), event({ action: 'user.deleted', ...by(ALICE) })]);
      const erased = await scene.db.query<{ erased: number }>('SELECT audit.erase_subject($1) AS erased', [ALICE]);
      assert.equal(erased[0]?.erased, 3);
      assert.deepEqual(await kinds(), [], 'the deletion still waits, and is known');
      await scene.sealer.sealNow();
      assert.deepEqual(await kinds(), []);
    });

    it('an erasure without a deletion is found, and a forged deletion does not cover it', async () => {
      await tenLines();
      await scene.db.query('SELECT audit.erase_subject($1)', [BOB]);
      assert.deepEqual(await kinds(), ['erased_without_event 2', 'erased_without_event 5', 'erased_without_event 8']);
      await scene.db.script(`INSERT INTO audit.inbox (id, at, action, outcome, actor_type, subject_id, personal_hash)
        VALUES ('${ALICE}', '2026-11-10T12:00:01Z', 'user.deleted', 'success', 'user', '${BOB}', '\\x00')`);
      assert.equal((await kinds()).filter((kind) => kind.startsWith('erased')).length, 3);
      await scene.sealer.sealNow();
      assert.equal((await kinds()).filter((kind) => kind.startsWith('erased')).length, 4);
    });

    it('a key is rotated: the new one vouches for the chain, and the old one can leave the list', async () => {
      await tenLines();
      const rotated = scene.newSealer(scene.db, [NEW_KEY, KEY]);
      assert.equal(await rotated.sealNow(), 1);
      assert.deepEqual((await verify({}, createEncryption([NEW_KEY, KEY]))).faults, []);
      assert.deepEqual((await verify({}, createEncryption([NEW_KEY]))).faults, []);
      assert.equal((await verify({}, createEncryption([Buffer.alloc(32, 1)]))).faults[0]?.kind, 'bad_signature');
    });
  });
}
