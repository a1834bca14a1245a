import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../../test/kit.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

test('the change counts once the new address confirms; both are told; the sessions stay', async () => {
  const ada = await server.user({ name: 'Ada' });
  const to = someEmail('new');
  const [lines, mails] = [await linesOf(server, ada.id), await subjects(server, ada.email)];
  const asked = await server.post('/me/email', { email: ` ${to.toUpperCase()}` }, { bearer: ada.accessToken });
  assert.deepEqual([asked.status, asked.body], [202, { status: 'verification_sent' }]);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).body.email, ada.email);
  const confirmed = await server.post('/email/confirm', { token: await server.linkToken(to, '/confirm-email') });
  assert.deepEqual([confirmed.status, confirmed.body], [200, { status: 'confirmed' }]);
  const me = await server.get('/me', { bearer: ada.accessToken });
  assert.deepEqual([me.body.email, me.body.email_verified], [to, true]);
  assert.deepEqual((await subjects(server, ada.email)).slice(mails.length), [
    'Your email address is about to change',
    'Your email address was changed',
  ]);
  assert.deepEqual(await subjects(server, to), ['Confirm your new email address']);
  assert.deepEqual((await linesOf(server, ada.id)).slice(lines.length), [
    'user.email_change_requested success',
    'user.email_changed success',
  ]);
  assert.equal((await server.post('/auth/login', { email: to, password: PASSWORD })).status, 200);
});

test('a newer request replaces the earlier one', async () => {
  const ada = await server.user();
  const [one, two] = [someEmail('one'), someEmail('two')];
  for (const email of [one, two]) await server.post('/me/email', { email }, { bearer: ada.accessToken });
  const early = await server.post('/email/confirm', { token: await server.linkToken(one, '/confirm-email') });
  assert.deepEqual([early.status, early.body.code], [400, 'token_invalid']);
  assert.equal(
    (await server.post('/email/confirm', { token: await server.linkToken(two, '/confirm-email') })).status,
    200,
  );
});

test('the undo stops a change that is not confirmed yet', async () => {
  const ada = await server.user();
  const to = someEmail('new');
  await server.post('/me/email', { email: to }, { bearer: ada.accessToken });
  const undone = await server.post('/email/undo', { token: await server.linkToken(ada.email, '/undo-email') });
  assert.deepEqual([undone.status, undone.body], [200, { status: 'undone' }]);
  assert.equal(
    (await server.post('/email/confirm', { token: await server.linkToken(to, '/confirm-email') })).status,
    400,
  );
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401);
  const token = await server.linkToken(ada.email, '/reset-password');
  assert.equal((await server.post('/auth/password/reset', { token, password: 'A-fresh-start-0815' })).status, 204);
});

test('a taken address cannot be confirmed by anyone, and its owner is told', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  await server.post('/me/email', { email: bob.email }, { bearer: ada.accessToken });
  assert.equal((await subjects(server, bob.email)).at(-1), 'You already have an account');
  await assert.rejects(server.linkToken(bob.email, '/confirm-email'));
});

test('an address that was free when asked and is taken when confirmed is refused', async () => {
  const ada = await server.user();
  const to = someEmail('soon-taken');
  await server.post('/me/email', { email: to }, { bearer: ada.accessToken });
  const token = await server.linkToken(to, '/confirm-email');
  await server.user({ email: to });
  assert.equal((await server.post('/email/confirm', { token })).body.code, 'token_invalid');
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).body.email, ada.email);
});

test('asking takes a session with recent authentication and an address', async () => {
  const ada = await server.user();
  assert.equal((await server.post('/me/email', { email: someEmail() })).status, 401);
  assert.equal((await server.post('/me/email', { email: 'nobody' }, { bearer: ada.accessToken })).status, 400);
  clock.advance(11 * 60);
  const bearer = (await server.post('/auth/refresh', { refresh_token: ada.refreshToken })).body.access_token;
  const late = await server.post('/me/email', { email: someEmail() }, { bearer });
  assert.deepEqual([late.status, late.body.code], [403, 'reauthentication_required']);
  assert.equal((await server.post('/auth/reauthenticate', { password: PASSWORD }, { bearer })).status, 200);
  assert.equal((await server.post('/me/email', { email: someEmail() }, { bearer })).status, 202);
});
