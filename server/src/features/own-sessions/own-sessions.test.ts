import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf } from '../../../test/attacks/accounts/tools.ts';
import { startServer, type TestServer, type TestUser, testClock } from '../../../test/kit.ts';

const clock = testClock();
let server: TestServer;
before(async () => {
  server = await startServer({ clock });
});

const get = (user: TestUser, path: string) => server.get(path, { bearer: user.accessToken });
const remove = (user: TestUser, path: string) =>
  server.call('DELETE', `${server.config.API_PREFIX}${path}`, { bearer: user.accessToken });

async function signIn(user: TestUser, agent: string, more: object = {}) {
  const { email, password } = user;
  const answer = await server.post('/auth/login', { email, password, ...more }, { headers: { 'user-agent': agent } });
  assert.equal(answer.status, 200);
  return answer.body;
}

test('the list names every live session, newest first, and marks this one', async () => {
  const ada = await server.user();
  await signIn(ada, 'Phone/1.0');
  await signIn(ada, 'Browser/2.0', { session: 'cookie' });
  const { body } = await get(ada, '/me/sessions');
  assert.deepEqual(
    body.data.map((one: { kind: string }) => one.kind),
    ['cookie', 'token', 'token'],
  );
  assert.deepEqual(
    body.data.map((one: { current: boolean }) => one.current),
    [false, false, true],
  );
  assert.equal(body.data[1].user_agent, 'Phone/1.0');
  assert.equal(body.next_cursor, null);
  const fields = [
    'address',
    'amr',
    'authenticated_at',
    'created_at',
    'current',
    'expires_at',
    'id',
    'kind',
    'last_seen_at',
    'user_agent',
  ];
  assert.deepEqual(Object.keys(body.data[0]).sort(), fields);
});

test('the lists page by cursor without losing or repeating a row, and refuse cursors that they did not give', async () => {
  const ada = await server.user();
  for (let n = 0; n < 4; n++) await signIn(ada, `Agent/${n}`);
  for (const list of ['/me/sessions', '/me/trusted-devices', '/me/activity']) {
    const all = (await get(ada, `${list}?limit=100`)).body.data.map((row: { id: string }) => row.id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { data: { id: string }[]; next_cursor: string | null } = (
        await get(ada, `${list}?limit=2${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
      ).body;
      seen.push(...page.data.map((row) => row.id));
      cursor = page.next_cursor;
    } while (cursor !== null);
    assert.deepEqual(seen, all, list);
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=-1',
      'limit=1e9',
      'limit=x',
      'cursor=x',
      "cursor=' OR 1=1",
      'sort=id',
      'limit=1&limit=2',
    ]) {
      assert.equal((await get(ada, `${list}?${query}`)).status, 400, `${list}?${query}`);
    }
  }
});

test('a session that is signed out from another ends at once, with one line, and a second time it is not there', async () => {
  const ada = await server.user();
  const phone = await signIn(ada, 'Phone/1.0');
  const [{ id }] = (await get(ada, '/me/sessions')).body.data;
  const lines = await linesOf(server, ada.id);
  assert.equal((await remove(ada, `/me/sessions/${id}`)).status, 204);
  assert.equal((await server.get('/me', { bearer: phone.access_token })).body.code, 'session_revoked');
  assert.equal(
    (await server.post('/auth/refresh', { refresh_token: phone.refresh_token })).body.code,
    'session_revoked',
  );
  assert.equal((await remove(ada, `/me/sessions/${id}`)).status, 404);
  assert.deepEqual((await linesOf(server, ada.id)).slice(lines.length), ['session.revoked success']);
  assert.equal((await get(ada, '/me/sessions')).body.data.length, 1);
});

test('one may end the session that asks', async () => {
  const ada = await server.user();
  const [{ id }] = (await get(ada, '/me/sessions')).body.data;
  assert.equal((await remove(ada, `/me/sessions/${id}`)).status, 204);
  assert.equal((await get(ada, '/me')).status, 401);
});

test('a forgotten device is a stranger, and its session goes on', async () => {
  const ada = await server.user();
  const phone = await signIn(ada, 'Phone/1.0');
  const devices = (await get(ada, '/me/trusted-devices')).body.data;
  assert.deepEqual(
    devices.map((one: { current: boolean }) => one.current),
    [false, true],
  );
  const lines = await linesOf(server, ada.id);
  assert.equal((await remove(ada, `/me/trusted-devices/${devices[0].id}`)).status, 204);
  assert.deepEqual((await linesOf(server, ada.id)).slice(lines.length), ['device.removed success']);
  assert.equal((await server.get('/me', { bearer: phone.access_token })).status, 200);
  const next = await signIn(ada, 'Phone/1.0', { device_token: phone.device_token });
  assert.notEqual(next.device_token, phone.device_token);
  assert.equal((await remove(ada, '/me/trusted-devices')).status, 204);
  assert.deepEqual((await get(ada, '/me/trusted-devices')).body.data, []);
});

test('what has expired is in no list, with nothing that cleans up', async () => {
  const ada = await server.user();
  clock.advance(181 * 24 * 3600);
  const again = await signIn(ada, 'Later/1.0', { device_token: ada.deviceToken });
  assert.notEqual(again.device_token, ada.deviceToken, 'a device is known for 180 days');
  const later = { ...ada, accessToken: again.access_token };
  assert.equal((await get(later, '/me/sessions')).body.data.length, 1);
  assert.equal((await get(later, '/me/trusted-devices')).body.data.length, 1);
});

test('the history shows one’s own lines, with neither reasons nor another’s', async () => {
  const ada = await server.user();
  const eve = await server.user();
  await server.post('/auth/login', { email: ada.email, password: 'Not-the-password-at-all-9' });
  await server.app.settle();
  const { data } = (await get(ada, '/me/activity')).body;
  const actions = data.map((line: { action: string }) => line.action);
  assert.deepEqual(actions, ['session.login_failed', 'session.login', 'user.email_verified', 'user.registered']);
  assert.deepEqual(Object.keys(data[0]).sort(), [
    'action',
    'address',
    'at',
    'by',
    'id',
    'outcome',
    'session',
    'user_agent',
  ]);
  assert.ok(!JSON.stringify(data).includes(eve.id));
  assert.equal((await server.get('/me/activity')).status, 401);
});
