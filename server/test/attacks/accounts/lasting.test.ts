// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { housekeeping } from '../../../src/core/housekeeping/index.ts';
import { Refusal } from '../../../src/lib/refusal.ts';
import { PASSWORD, signedIn, someEmail, startServer, type TestServer } from '../../kit.ts';

// What an intruder leaves behind must not outlast what throws the intruder out.
let server: TestServer;
before(async () => {
  server = await startServer();
});

const login = (email: string, password: string, device_token?: string) =>
  server.post('/auth/login', { email, password, ...(device_token === undefined ? {} : { device_token }) });

async function pendingChange(bearer: string): Promise<string> {
  const next = someEmail('thief');
  assert.equal((await server.post('/me/email', { email: next }, { bearer })).status, 202);
  return server.linkToken(next, '/confirm-email');
}

test('EML-09 a change of address that a thief asked for ends with sign-out everywhere', async () => {
  const ada = await server.user();
  const token = await pendingChange(ada.accessToken);
  assert.equal((await server.post('/auth/logout-all', {}, { bearer: ada.accessToken })).status, 204);
  assert.equal((await server.post('/email/confirm', { token })).body.code, 'token_invalid');
});

test('EML-09 it ends when the owner signs out the thief’s session alone', async () => {
  const ada = await server.user();
  const thief = signedIn(await login(ada.email, ada.password), ada.email, ada.password);
  const token = await pendingChange(thief.accessToken);
  const sessions = await server.get('/me/sessions', { bearer: ada.accessToken });
  const other = sessions.body.data.find((one: { current: boolean }) => !one.current);
  const path = `${server.config.API_PREFIX}/me/sessions/${other.id}`;
  assert.equal((await server.call('DELETE', path, { bearer: ada.accessToken })).status, 204);
  assert.equal((await server.post('/email/confirm', { token })).body.code, 'token_invalid');
});

test('EML-09 it ends when an old refresh token comes back', async () => {
  const ada = await server.user();
  const token = await pendingChange(ada.accessToken);
  await server.post('/auth/refresh', { refresh_token: ada.refreshToken });
  server.clock.advance(60);
  const again = await server.post('/auth/refresh', { refresh_token: ada.refreshToken });
  assert.equal(again.body.code, 'refresh_token_reused');
  assert.equal((await server.post('/email/confirm', { token })).body.code, 'token_invalid');
});

test('EML-07 an address that two people registered stays contested, however long nobody follows a link', async () => {
  const email = someEmail('victim');
  await server.post('/auth/register', { email, password: 'Attackers-own-phrase-1' });
  await server.post('/auth/register', { email, password: PASSWORD });
  server.clock.advance(3 * 24 * 3600);
  await housekeeping(server.app.house).run();
  assert.equal((await server.post('/auth/verify-email/resend', { email })).status, 202);
  const [mail] = await server.mails(email);
  assert.ok(
    mail?.links.every((link) => link.includes('/reset-password#')),
    'a new password, not a plain verification',
  );
  assert.notEqual((await login(email, 'Attackers-own-phrase-1')).status, 200);
});

test('BRU-05 unlocking an account unlocks its known devices too', async () => {
  const ada = await server.user();
  for (let guess = 0; guess < 10; guess++) await login(ada.email, 'Wrong-guess-of-mine', ada.deviceToken);
  assert.equal((await login(ada.email, ada.password, ada.deviceToken)).status, 401);
  const { guesses, db } = server.app.house;
  await guesses.unlock(db, ada);
  assert.equal((await login(ada.email, ada.password, ada.deviceToken)).status, 200);
});

test('BRU-05 an attempt that the busy server never looked at is handed back', async () => {
  const { guesses, db } = server.app.house;
  const email = someEmail();
  for (let round = 0; round < 20; round++) {
    const isCounted = (await guesses.admit(db, email, null, server.clock.now())) !== undefined;
    const look = () => Promise.reject(new Refusal('busy', { retryAfter: 1 }));
    await assert.rejects(guesses.spend(db, email, null, isCounted, look), { code: 'busy' });
  }
  assert.equal((await guesses.state(db, email))?.attempts, 0);
});
