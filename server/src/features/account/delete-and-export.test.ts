import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { count, linesOf, subjects } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, startServer, type TestServer, type TestUser, testClock } from '../../../test/kit.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

const remove = (user: TestUser) =>
  server.call('DELETE', `${server.config.API_PREFIX}/me`, { bearer: user.accessToken });

test('a deleted account is gone with all that hangs on it, and its lines stay without the person', async () => {
  const ada = await server.user({ name: 'Ada' });
  await server.post('/auth/password/forgot', { email: ada.email });
  const link = await server.linkToken(ada.email, '/reset-password');
  const answer = await remove(ada);
  assert.equal(answer.status, 204);
  assert.match(answer.headers.getSetCookie()[0] as string, /^session=; .*Max-Age=0/);
  for (const table of ['sessions', 'devices', 'one_time_tokens', 'user_roles']) {
    assert.equal(await count(server, `auth.${table} WHERE user_id = $1`, ada.id), 0, table);
  }
  assert.equal(await count(server, 'auth.users WHERE id = $1', ada.id), 0);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.post('/auth/refresh', { refresh_token: ada.refreshToken })).status, 401);
  assert.equal((await server.post('/auth/password/reset', { token: link, password: PASSWORD })).status, 400);
  assert.equal((await server.post('/auth/login', { email: ada.email, password: PASSWORD })).status, 401);
  assert.equal((await subjects(server, ada.email)).at(-1), 'Your account was deleted');
  const lines = await linesOf(server, ada.id);
  assert.equal(lines.at(-1), 'user.deleted success');
  assert.ok(lines.includes('user.registered success'), 'the lines themselves stay');
  const personal = await server.db.query<{ personal: unknown }>(
    'SELECT personal FROM audit.events WHERE subject_id = $1',
    [ada.id],
  );
  assert.ok(personal.every((row) => row.personal === null));
  const again = await server.user({ email: ada.email });
  assert.notEqual(again.id, ada.id, 'the address is free again');
});

test('deleting takes recent authentication', async () => {
  const ada = await server.user();
  clock.advance(11 * 60);
  const bearer = (await server.post('/auth/refresh', { refresh_token: ada.refreshToken })).body.access_token;
  const answer = await remove({ ...ada, accessToken: bearer });
  assert.deepEqual([answer.status, answer.body.code], [403, 'reauthentication_required']);
  const exported = await server.post('/me/export', {}, { bearer });
  assert.equal(exported.body.code, 'reauthentication_required');
  assert.equal(await count(server, 'auth.users WHERE id = $1', ada.id), 1);
});

test('ADM-08 the last administrator cannot go, and of two who go at once one stays', async () => {
  const [ada, bob] = [await server.admin(), await server.admin()];
  const answers = await Promise.all([remove(ada), remove(bob)]);
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [204, 409]);
  const last = answers.find((answer) => answer.status === 409);
  assert.equal(last?.body.code, 'conflict');
  assert.equal(await count(server, "auth.user_roles WHERE role = 'admin'"), 1);
});

test('the export holds the user, sessions, devices and history, and no secret or hash', async () => {
  const ada = await server.user({ name: 'Ada' });
  await server.post('/auth/login', { email: ada.email, password: PASSWORD });
  const answer = await server.post('/me/export', {}, { bearer: ada.accessToken });
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.deepEqual(Object.keys(answer.body).sort(), [
    'activity',
    'devices',
    'exported_at',
    'identities',
    'passkeys',
    'sessions',
    'user',
  ]);
  assert.equal(answer.body.user.name, 'Ada');
  assert.equal(answer.body.sessions.length, 2);
  assert.equal(answer.body.devices.length, 2);
  const actions = answer.body.activity.map((line: { action: string }) => line.action);
  for (const action of ['user.registered', 'user.email_verified', 'session.login', 'user.exported'])
    assert.ok(actions.includes(action), action);
  assert.ok(!/hash|\$argon2|secret|rt_|dt_/.test(answer.text));
  const bob = await server.user();
  const theirs = await server.post('/me/export', {}, { bearer: bob.accessToken });
  assert.ok(!theirs.text.includes(ada.email) && !theirs.text.includes(ada.id));
  assert.equal((await linesOf(server, ada.id)).at(-1), 'user.exported success');
});
