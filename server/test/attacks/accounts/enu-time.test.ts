// engines: postgres
// The embedded database, the mail worker and this file's own client would share one thread: what a mail costs after its
// answer would be measured as if it came before.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { areaUnderCurve, measure } from './tools.ts';

// Sixty samples of each tell apart what differs by more than the noise of the machine. Known and unknown addresses are
// compared in enu-time.long.test.ts, by more of them.
const SAMPLES = 60;
const PER_ROUND = 4; // fewer than any limit of an account or an address
const isSame = (area: number) => area > 0.34 && area < 0.66;

let server: TestServer;
before(async () => {
  server = await startServer();
});

test('ENU-02 a locked and a disabled account take as long as an unknown one', async () => {
  const [locked, disabled] = [await server.user(), await server.user()];
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  const login = (email: string) => server.post('/auth/login', { email, password: PASSWORD });
  for (let guess = 0; guess < 10; guess++)
    await server.post('/auth/login', { email: locked.email, password: 'Wrong-guess-3' });
  const unknown = () => login(someEmail());
  const taken = await measure(SAMPLES, [() => login(locked.email), unknown]);
  assert.ok(isSame(areaUnderCurve(taken[0] as number[], taken[1] as number[])), 'locked');

  await measure(10, [() => login(disabled.email), unknown]);
  const all: [number[], number[]] = [[], []];
  for (let round = 0; round < SAMPLES / PER_ROUND; round++) {
    await server.db.execute('DELETE FROM auth.guards');
    const [a, b] = await measure(PER_ROUND, [() => login(disabled.email), unknown]);
    all[0].push(...(a as number[]));
    all[1].push(...(b as number[]));
  }
  assert.ok(isSame(areaUnderCurve(...all)), `disabled: told apart by time (${areaUnderCurve(...all).toFixed(3)})`);
});
