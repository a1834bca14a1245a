import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { enrolTotp, firstFactor, nextCode, showFactor } from '../../../test/factors.ts';
import { PASSWORD, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';

let server: TestServer;
let waiting: TestServer;
let admin: TestUser;
before(async () => {
  server = await startServer();
  waiting = await startServer({ env: { MFA_RESET_DELAY: '24h' } });
  admin = await server.admin();
});

const reset = (on: TestServer, by: { accessToken: string }, id: string, body: object = { reason: 'lost the phone' }) =>
  on.post(`/admin/users/${id}/reset-mfa`, body, { bearer: by.accessToken });
const login = (on: TestServer, user: TestUser) => on.post('/auth/login', { email: user.email, password: PASSWORD });

test('REC-05 an administrator takes lost factors from an account: with a reason, a line, a mail, and the end of its sessions', async () => {
  const ada = await server.user();
  const { recoveryCodes } = await enrolTotp(server, ada);
  const half = await firstFactor(server, ada);
  assert.equal((await reset(server, admin, ada.id, {})).status, 400, 'no reason');
  const answer = await reset(server, admin, ada.id);
  assert.deepEqual([answer.status, answer.body.status], [202, 'done'], answer.text);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await showFactor(server, half, 'recovery_code', recoveryCodes[0] as string)).status, 401);
  assert.equal((await login(server, ada)).body.status, 'complete');
  assert.ok((await subjects(server, ada.email)).includes('Your second factors were removed'));
  const lines = await linesOf(server, ada.id);
  for (const line of ['mfa.reset_requested success', 'mfa.reset success']) assert.ok(lines.includes(line), line);
  assert.equal((await reset(server, admin, ada.id)).body.code, 'conflict', 'nothing left to take');
});

test('REC-05 nobody without the permission, without fresh authentication, or below the target may do it', async () => {
  const ada = await server.user();
  await enrolTotp(server, ada);
  const eve = await server.user();
  assert.equal((await reset(server, eve, ada.id)).status, 403);
  const other = await server.admin();
  server.clock.advance(601);
  assert.equal((await reset(server, other, ada.id)).body.code, 'reauthentication_required');
  assert.equal((await login(server, ada)).body.status, 'mfa_required');
});

test('the owner vetoes what an administrator asked for, for good', async () => {
  const boss = await waiting.admin();
  const ada = await waiting.user();
  const { secret } = await enrolTotp(waiting, ada);
  const answer = await reset(waiting, boss, ada.id);
  assert.equal(answer.body.status, 'scheduled');
  assert.equal((await reset(waiting, boss, ada.id)).body.code, 'conflict', 'one at a time');
  assert.equal((await login(waiting, ada)).body.status, 'mfa_required');
  const token = await waiting.linkToken(ada.email, '/veto-factor-reset');
  assert.equal((await waiting.post('/auth/factor-reset/veto', { token })).body.status, 'vetoed');
  assert.equal((await waiting.post('/auth/factor-reset/veto', { token })).body.code, 'token_invalid');
  waiting.clock.advance(25 * 3600);
  const asked = await login(waiting, ada);
  assert.equal(asked.body.status, 'mfa_required', 'vetoed for good');
  assert.equal((await showFactor(waiting, asked.body.mfa_token, 'totp', nextCode(waiting, secret))).status, 200);
  assert.ok((await linesOf(waiting, ada.id)).includes('mfa.reset_vetoed success'));
});

test('what is due and was not vetoed happens at the next sign-in, with no worker, and then the veto is too late', async () => {
  const boss = await waiting.admin();
  const ada = await waiting.user();
  await enrolTotp(waiting, ada);
  assert.equal((await reset(waiting, boss, ada.id)).body.status, 'scheduled');
  const token = await waiting.linkToken(ada.email, '/veto-factor-reset');
  waiting.clock.advance(24 * 3600 + 1);
  const answer = await login(waiting, ada);
  assert.equal(answer.body.status, 'complete', answer.text);
  assert.equal(answer.body.user.mfa.totp, false);
  assert.equal((await waiting.get('/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await waiting.get('/me', { bearer: answer.body.access_token })).status, 200);
  assert.equal((await waiting.post('/auth/factor-reset/veto', { token })).body.code, 'token_invalid');
  assert.ok((await subjects(waiting, ada.email)).includes('Your second factors were removed'));
});

test('the job does it for who does not sign in', async () => {
  const boss = await waiting.admin();
  const ada = await waiting.user();
  await enrolTotp(waiting, ada);
  await reset(waiting, boss, ada.id);
  waiting.clock.advance(24 * 3600 + 1);
  const { applyAllDue } = await import('./apply-due.ts');
  await applyAllDue(waiting.app.house);
  const rows = await waiting.db.query('SELECT 1 FROM auth.totp WHERE user_id = $1', [ada.id]);
  assert.equal(rows.length, 0);
});
