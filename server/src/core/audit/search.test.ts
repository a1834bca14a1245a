import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Refusal } from '../../lib/refusal.ts';
import { exportAudit } from './export.ts';
import type { AuditFilter } from './filter.ts';
import { recordAudit } from './record.ts';
import { type PageRequest, searchAudit, userActivity } from './search.ts';
import {
  ALICE,
  BOB,
  by,
  encryption,
  event,
  type Ground,
  openGround,
  openScene,
  type Scene,
  START,
} from './test-kit.ts';

const SESSION = '019a0000-0000-7000-8000-0000000000ff';

for (const name of ['postgres', 'embedded'] as const) {
  describe(`reading the audit log on ${name}`, () => {
    let ground: Ground;
    let scene: Scene;
    before(async () => {
      ground = await openGround(name);
      scene = await openScene(ground);
      const elsewhere = { requestId: 'req-2', address: '2001:db8::5', userAgent: '=cmd()', now: START + 5000 };
      await scene.write(
        [by(ALICE, { session: SESSION }), by(BOB)],
        [
          {
            action: 'user.disabled',
            outcome: 'success',
            actor: { type: 'admin', id: BOB },
            subject: ALICE,
            reason: 'abuse',
            detail: { ticket: 7 },
          },
        ],
        [
          {
            action: 'session.login_failed',
            outcome: 'failure',
            reason: 'unknown',
            personal: { email: '=HYPERLINK("x")' },
          },
        ],
        [by(ALICE, { action: 'session.logout' }), by(ALICE, { action: 'user.password_rehashed' })],
      );
      await recordAudit(scene.db, encryption, [
        event({ ...by(ALICE, { action: 'session.refresh_reused', outcome: 'denied' }), origin: elsewhere }),
        event(by(BOB, { action: 'role.created' }), START + 60_000),
      ]);
    });
    after(() => ground.close());

    const found = async (filter: AuditFilter) => (await searchAudit(scene.db, filter)).data.map((line) => line.action);
    const refused = (work: () => unknown, field: string) =>
      assert.rejects(
        async () => work(),
        (error) =>
          error instanceof Refusal && error.code === 'validation_failed' && error.options.errors?.[0]?.field === field,
      );

    it('newest first, over what is sealed and what still waits', async () => {
      const all = await searchAudit(scene.db, {});
      assert.deepEqual(
        all.data.map((line) => [line.action, line.seq === null]),
        [
          ['role.created', true],
          ['session.refresh_reused', true],
          ['user.password_rehashed', false],
          ['session.logout', false],
          ['session.login_failed', false],
          ['user.disabled', false],
          ['session.login', false],
          ['session.login', false],
        ],
      );
      assert.deepEqual(all.data[5], {
        id: all.data[5]?.id,
        seq: 3,
        at: '2026-11-10T12:00:01.000Z',
        action: 'user.disabled',
        outcome: 'success',
        actor: { type: 'admin', id: BOB },
        subject: ALICE,
        session: null,
        reason: 'abuse',
        request_id: 'req-1',
        address: '203.0.113.9',
        user_agent: 'Browser/1',
        detail: { ticket: 7 },
        personal: {},
      });
    });

    it('every filter finds its lines, alone and together, sealed and waiting', async () => {
      assert.equal((await found({ subject: ALICE })).length, 5);
      assert.deepEqual(await found({ actor: BOB }), ['role.created', 'user.disabled', 'session.login']);
      assert.deepEqual(await found({ action: 'session.logout' }), ['session.logout']);
      assert.deepEqual(await found({ action: 'session.*' }), [
        'session.refresh_reused',
        'session.logout',
        'session.login_failed',
        'session.login',
        'session.login',
      ]);
      assert.deepEqual(await found({ outcome: 'denied' }), ['session.refresh_reused']);
      assert.deepEqual(await found({ outcome: 'failure' }), ['session.login_failed']);
      assert.deepEqual(await found({ address: '2001:db8::5' }), ['session.refresh_reused']);
      assert.deepEqual(await found({ requestId: 'req-2' }), ['session.refresh_reused']);
      assert.deepEqual(await found({ from: new Date(START + 1000), to: new Date(START + 2001) }), [
        'session.login_failed',
        'user.disabled',
      ]);
      assert.deepEqual(
        await found({
          subject: ALICE,
          action: 'session.*',
          outcome: 'success',
          address: '203.0.113.9',
          from: new Date(START),
          to: new Date(START + 1),
        }),
        ['session.login'],
      );
      assert.deepEqual(await found({ subject: ALICE, outcome: 'failure' }), []);
    });

    it('pages lead through every line once, and end', async () => {
      for (const filter of [{}, { action: 'session.*' }, { address: '203.0.113.9' }]) {
        const whole = (await searchAudit(scene.db, filter)).data.map((line) => line.id);
        for (const limit of [1, 2, 3, whole.length]) {
          const ids: string[] = [];
          let cursor: string | null = null;
          do {
            const page: Awaited<ReturnType<typeof searchAudit>> = await searchAudit(
              scene.db,
              filter,
              cursor === null ? { limit } : { limit, cursor },
            );
            ids.push(...page.data.map((line) => line.id));
            cursor = page.next_cursor;
          } while (cursor !== null);
          assert.deepEqual(ids, whole);
        }
      }
    });

    it('a forged cursor, or one of another list, is refused (ADM-11)', async () => {
      const cursor = (await searchAudit(scene.db, {}, { limit: 1 })).next_cursor as string;
      const flipped = Buffer.from(cursor, 'base64url');
      flipped[3] = (flipped[3] ?? 0) ^ 1;
      const forged = [
        '',
        'x',
        "' OR 1=1 --",
        `${cursor}A`,
        cursor.slice(1),
        `${cursor}=`,
        flipped.toString('base64url'),
        Buffer.alloc(32, 255).toString('base64url'),
        'A'.repeat(100_000),
      ];
      for (const one of forged) await refused(() => searchAudit(scene.db, {}, { cursor: one }), 'cursor');
      await refused(() => searchAudit(scene.db, { subject: ALICE }, { cursor }), 'cursor');
      await refused(() => userActivity(scene.db, ALICE, { cursor }), 'cursor');
    });

    it('limits and filters of the wrong form are refused, never a fault', async () => {
      for (const limit of [0, -1, 101, 1.5, 1e9, Number.NaN])
        await refused(() => searchAudit(scene.db, {}, { limit }), 'limit');
      const wrong: Record<string, unknown[]> = {
        subject: ['', 'alice', "'; DROP TABLE", `${ALICE}0`],
        actor: ['x'],
        action: ['', '*', '.*', 'session.%', 'nothing.*', 'session.log'],
        outcome: ['', "success' OR 'a'='a"],
        address: ['\u0000', 'x'.repeat(201), '\ud800'],
        requestId: ['a\nb'],
        from: [new Date(Number.NaN), new Date(8.64e15)],
        to: [new Date(-1e15)],
      };
      for (const [field, values] of Object.entries(wrong)) {
        for (const value of values) {
          await refused(() => searchAudit(scene.db, { [field]: value } as AuditFilter), field);
          await refused(() => exportAudit(scene.db, { [field]: value } as AuditFilter, 'csv'), field);
        }
      }
    });

    it('a user reads their own lines, without internals', async () => {
      const activity = await userActivity(scene.db, ALICE);
      assert.deepEqual(
        activity.data.map((line) => line.action),
        ['session.refresh_reused', 'session.logout', 'user.disabled', 'session.login'],
      );
      assert.deepEqual(activity.data[2], {
        id: activity.data[2]?.id,
        at: '2026-11-10T12:00:01.000Z',
        action: 'user.disabled',
        outcome: 'success',
        by: 'admin',
        session: null,
        address: null,
        user_agent: null,
      });
      assert.equal(activity.data[3]?.address, '203.0.113.9');
      const page: PageRequest = { limit: 2 };
      const first = await userActivity(scene.db, ALICE, page);
      const second = await userActivity(scene.db, ALICE, { ...page, cursor: first.next_cursor as string });
      assert.deepEqual([...first.data, ...second.data], activity.data);
    });

    it('exports have every line once, one to a row, and no formulas', async () => {
      await recordAudit(
        scene.db,
        encryption,
        Array.from({ length: 2100 }, () => event({ action: 'user.imported' }, START - 1000)),
      );
      await scene.sealer.sealNow();
      const text = async (format: 'csv' | 'ndjson', filter: AuditFilter = {}) => {
        let all = '';
        for await (const part of exportAudit(scene.db, filter, format)) all += part;
        return all;
      };
      const lines = (await text('ndjson'))
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.equal(lines.length, 2108);
      assert.equal(new Set(lines.map((line) => line.id)).size, 2108);
      const csv = (await text('csv', { from: new Date(START) })).trimEnd().split('\r\n');
      assert.equal(csv.length, 9);
      assert.match(csv[0] ?? '', /^seq,id,at,action,/);
      assert.match(csv[2] ?? '', /,"'=cmd\(\)",/);
      assert.match(csv[5] ?? '', /"\{""email"":""=HYPERLINK\(\\""x\\""\)""\}"/);
      assert.equal((await text('csv', { subject: SESSION })).trimEnd().split('\r\n').length, 1);
    });
  });
}
