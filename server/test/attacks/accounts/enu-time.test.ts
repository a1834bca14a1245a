// engines: postgres
// The embedded database, the mail worker and this file's own client would share one thread: what a mail costs after its
// answer would be measured as if it came before.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { areaUnderCurve, measure } from './tools.ts';

// A hundred samples of each tell apart what differs by more than the noise of the machine: two samples of the same thing
// are outside these bounds once in ten thousand runs. The long run takes two thousand and is stricter.
const SAMPLES = 100;
const isSame = (area: number) => area > 0.34 && area < 0.66;

let server: TestServer;
before(async () => {
  server = await startServer();
});

const fresh = () => server.db.execute('DELETE FROM auth.guards');

async function compare(
  what: string,
  known: () => Promise<unknown>,
  unknown: () => Promise<unknown>,
  samples = SAMPLES,
) {
  await measure(10, [known, unknown]);
  const perRound = 4; // fewer than any limit of an account or an address
  const all: [number[], number[]] = [[], []];
  for (let round = 0; round < samples / perRound; round++) {
    await fresh();
    const [a, b] = await measure(perRound, [known, unknown]);
    all[0].push(...(a as number[]));
    all[1].push(...(b as number[]));
  }
  const area = areaUnderCurve(...all);
  assert.ok(isSame(area), `${what}: the two are told apart by time (${area.toFixed(3)})`);
}

test('ENU-02 a wrong password for a known address takes as long as any for an unknown one', async () => {
  const { email } = await server.user();
  const login = (address: string) => server.post('/auth/login', { email: address, password: 'Wrong-guess-of-mine-3' });
  await compare(
    'login',
    () => login(email),
    () => login(someEmail()),
  );
});

test('ENU-02 a locked and a disabled account take as long as an unknown one', async () => {
  const [locked, disabled] = [await server.user(), await server.user()];
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  const login = (email: string) => server.post('/auth/login', { email, password: PASSWORD });
  for (let guess = 0; guess < 10; guess++)
    await server.post('/auth/login', { email: locked.email, password: 'Wrong-guess-3' });
  const taken = await measure(60, [() => login(locked.email), () => login(someEmail())]);
  assert.ok(isSame(areaUnderCurve(taken[0] as number[], taken[1] as number[])), 'locked');
  await compare(
    'disabled',
    () => login(disabled.email),
    () => login(someEmail()),
    60,
  );
});

test('ENU-03 asking for a reset takes as long for a known as for an unknown address', async () => {
  const { email } = await server.user();
  const forgot = (address: string) => server.post('/auth/password/forgot', { email: address });
  await compare(
    'forgot',
    () => forgot(email),
    () => forgot(someEmail()),
  );
});

test('ENU-03 asking for a new link takes as long for an unverified as for an unknown address', async () => {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  const resend = (address: string) => server.post('/auth/verify-email/resend', { email: address });
  await compare(
    'resend',
    () => resend(email),
    () => resend(someEmail()),
  );
});

test('REG-01 registering takes as long for a taken as for a free address', async () => {
  const { email } = await server.user();
  const register = (address: string) => server.post('/auth/register', { email: address, password: PASSWORD });
  await compare(
    'register',
    () => register(email),
    () => register(someEmail()),
    60,
  );
});
