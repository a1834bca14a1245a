import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { uuidv7 } from '../../lib/id.ts';
import { csvCell } from './export.ts';
import { auditRow, type InboxLine, isGenuine } from './line.ts';
import { insertInbox, readWaitingById } from './store.ts';
import { encryption, event, type Ground, MIGRATION, openGround, START } from './test-kit.ts';
import { jsonbText, plain } from './text.ts';

const HOSTILE = 'a\r\nb\u001b[31m\u0000\u009b\u2028\u202e "quote" \\ \ud800 ü 😀 </script>';

for (const name of ['postgres', 'embedded'] as const) {
  describe(`lines on ${name}`, () => {
    let ground: Ground;
    before(async () => {
      ground = await openGround(name);
      await ground.db.script(MIGRATION);
    });
    after(() => ground.close());

    it('the text that is hashed is the text that the database prints', async () => {
      const values: unknown[] = [
        {},
        [],
        { b: 1, a: 2, aa: 3, '': 4, ü: 5, zzz: [1, { y: null, x: true }], é: { deep: { deeper: ['"', '\\', '/'] } } },
        { constructor: 'x', ['__proto__']: 'own' },
        {
          float: 0.1,
          huge: 1e300,
          tiny: 1e-7,
          negative: -0,
          big: 12345678901234567890n,
          max: Number.MAX_SAFE_INTEGER,
          nan: Number.NaN,
        },
        {
          text: HOSTILE,
          [HOSTILE]: 'a hostile key',
          date: new Date(START),
          none: undefined,
          list: [undefined, () => 1],
        },
      ];
      for (const value of values) {
        const kept = plain(value);
        const rows = await ground.db.query<{ text: string }>('SELECT $1::jsonb::text AS text', [JSON.stringify(kept)]);
        assert.equal(jsonbText(kept), rows[0]?.text);
      }
    });

    it('a hostile user agent is kept as one printable line, and its line is genuine (LOG-02)', async () => {
      const id = uuidv7(START);
      const row = auditRow(
        event({
          origin: { requestId: HOSTILE, address: '2001:db8::1', userAgent: HOSTILE, now: START },
          reason: HOSTILE,
          detail: { [HOSTILE]: HOSTILE },
          personal: { email: HOSTILE, address: 'not the origin' },
          subject: id.toUpperCase(),
        }),
        encryption,
      );
      await insertInbox(ground.db, [row]);
      const [line] = await ground.db.transaction((tx) => readWaitingById(tx, [row.id as string]));
      assert.ok(line);
      assert.ok(isGenuine(line, encryption));
      const personal = JSON.parse(line.personal as string);
      assert.equal(personal.address, '2001:db8::1');
      assert.match(
        personal.user_agent,
        /^a\\u000d\\u000ab\\u001b\[31m\\u0000\\u009b\\u2028\\u202e "quote" \\ � ü 😀 <\/script>$/,
      );
      assert.doesNotMatch(JSON.stringify(row), /[\p{Cc}\u2028\u202e]/u);
      assert.equal(line.subject_id, id);
    });

    it('any field that is changed in the inbox makes the line not genuine', async () => {
      const row = auditRow(event({ detail: { a: 1 }, reason: 'x', personal: { email: 'a@b.c' } }), encryption);
      await insertInbox(ground.db, [row]);
      const [line] = await ground.db.transaction((tx) => readWaitingById(tx, [row.id as string]));
      assert.ok(line && isGenuine(line, encryption));
      const other: Record<string, unknown> = {
        at: new Date(START + 1),
        personal_salt: Buffer.alloc(16),
        personal_hash: Buffer.alloc(32),
        mac: null,
      };
      for (const key of Object.keys(line)) {
        assert.ok(!isGenuine({ ...line, [key]: other[key] ?? 'changed' } as InboxLine, encryption), key);
      }
      assert.ok(isGenuine({ ...line, personal: null, personal_salt: null }, encryption), 'erased before it was sealed');
    });
  });
}

it('a user or session that is not named by a UUID is a bug, and says so', () => {
  assert.throws(() => auditRow(event({ subject: 'alice' }), encryption), /UUIDs/);
});

it('no cell of a CSV is a formula, and none leaves its row (ADM-16)', () => {
  for (const start of ['=', '+', '-', '@', '\t=', ' =', '\r=', '＝', '"=', "'=", '|', '%']) {
    assert.match(csvCell(`${start}cmd|' /C calc'!A0`), /^"?'|^\\u/, start);
  }
  assert.equal(csvCell('a,"b"'), '"a,""b"""');
  assert.equal(csvCell('two\r\nlines'), 'two\\u000d\\u000alines');
  assert.equal(csvCell('plain'), 'plain');
  assert.equal(csvCell(7), '7');
  assert.equal(csvCell(null), '');
});
