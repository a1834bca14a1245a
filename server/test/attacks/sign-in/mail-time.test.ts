// engines: postgres
// The embedded database, the mail worker and this file's own client would share one thread: what a mail costs after its
// answer would be measured as if it came before.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { someEmail, startServer, type TestServer } from '../../kit.ts';
import { areaUnderCurve, measure } from '../accounts/tools.ts';
import { byMail } from './mail-tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const PER_ROUND = 4; // fewer than an address gets mails
const ROUNDS = 30;

test('ENU-04 asking for a link or a code takes as long for known, disabled and unknown addresses', async () => {
  const mail = byMail(server);
  const [known, disabled] = [await server.user(), await server.user()];
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  for (const ask of [mail.askLink, mail.askCode]) {
    const calls = [() => ask(known.email), () => ask(disabled.email), () => ask(someEmail())];
    await measure(10, calls);
    const taken: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < ROUNDS; round++) {
      await server.db.execute('DELETE FROM auth.guards');
      const some = await measure(PER_ROUND, calls);
      for (const n of [0, 1, 2]) taken[n]?.push(...(some[n] as number[]));
    }
    for (const n of [0, 1] as const) {
      const area = areaUnderCurve(taken[n], taken[2]);
      assert.ok(
        area > 0.34 && area < 0.66,
        `${n === 0 ? 'known' : 'disabled'}: told apart by time (${area.toFixed(3)})`,
      );
    }
  }
});
