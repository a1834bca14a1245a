// engines: postgres
// The embedded database, the mail worker and this file's own client would share one thread: what a mail costs after its
// answer would be measured as if it came before.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { areaUnderCurve, measure } from './tools.ts';

// The short form is the same code with wider bounds: four standard deviations of so few samples.
const isLong = process.env.TEST_LONG === '1';
const SAMPLES = isLong ? 2000 : 160;
const TOLERANCE = isLong ? 0.05 : 0.14;
const PER_ROUND = 4; // fewer than any limit of an account or an address

let server: TestServer;
before(async () => {
  server = await startServer();
});

async function areaOf(known: () => Promise<unknown>, unknown: () => Promise<unknown>): Promise<number> {
  await measure(50, [known, unknown]);
  const all: [number[], number[]] = [[], []];
  for (let round = 0; round < SAMPLES / PER_ROUND; round++) {
    await server.db.execute('DELETE FROM auth.guards');
    const [a, b] = await measure(PER_ROUND, [known, unknown]);
    all[0].push(...(a as number[]));
    all[1].push(...(b as number[]));
  }
  return areaUnderCurve(...all);
}

function isSame(area: number): void {
  assert.ok(Math.abs(area - 0.5) <= TOLERANCE, `told apart by time: ${area.toFixed(3)}`);
}

test('ENU-02 as many sign-ins each do not tell a known from an unknown address', async (t) => {
  const { email } = await server.user();
  const login = (address: string) => server.post('/auth/login', { email: address, password: 'Wrong-guess-of-mine-3' });
  const area = await areaOf(
    () => login(email),
    () => login(someEmail()),
  );
  t.diagnostic(`login: ${area.toFixed(3)}`);
  isSame(area);
});

for (const path of ['/auth/password/forgot', '/auth/verify-email/resend']) {
  test(`ENU-03 as many calls of ${path} each do not tell a known from an unknown address`, async (t) => {
    const email = someEmail();
    await server.post('/auth/register', { email, password: PASSWORD });
    const ask = (address: string) => server.post(path, { email: address });
    const area = await areaOf(
      () => ask(email),
      () => ask(someEmail()),
    );
    t.diagnostic(`${path}: ${area.toFixed(3)}`);
    isSame(area);
  });
}

test('REG-01 as many registrations each do not tell a taken from a free address', async (t) => {
  const { email } = await server.user();
  const register = (address: string) => server.post('/auth/register', { email: address, password: PASSWORD });
  const area = await areaOf(
    () => register(email),
    () => register(someEmail()),
  );
  t.diagnostic(`register: ${area.toFixed(3)}`);
  isSame(area);
});
