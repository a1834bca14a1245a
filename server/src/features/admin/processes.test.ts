// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import { as, etag } from './test-kit.ts';

let here: TestServer;
let there: TestServer;
let admin: TestUser;
before(async () => {
  here = await startServer();
  there = await startServer({ on: here });
  admin = await here.admin();
});

/** Milliseconds until the answer changes; what is remembered there is warm. */
async function until(ask: () => Promise<Answer>, status: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    if ((await ask()).status === status) return performance.now() - start;
    if (performance.now() - start > 5000) throw new Error(`still not ${status}`);
    await sleep(20);
  }
}

test('a user who is disabled here is out there within a second: access token, refresh token and cookie', async () => {
  const ada = await here.user();
  const browser = await here.user({ session: 'cookie' });
  assert.equal((await there.get('/me', { bearer: ada.accessToken })).status, 200);
  assert.equal((await there.get('/me', { cookie: browser.cookie })).status, 200);
  for (const { id } of [ada, browser]) await as(here, admin)('POST', `/users/${id}/disable`);
  assert.ok((await until(() => there.get('/me', { bearer: ada.accessToken }), 401)) < 1000);
  assert.ok((await until(() => there.get('/me', { cookie: browser.cookie }), 401)) < 1000);
  assert.equal((await there.post('/auth/refresh', { refresh_token: ada.refreshToken })).status, 401);
});

test('a role that is given, changed or taken here counts there within a second', async () => {
  const ada = await here.user();
  const call = as(here, admin);
  const list = () => as(there, ada)('GET', '/users');
  assert.equal((await list()).status, 403);
  await call('POST', '/roles', { name: 'readers', permissions: ['users:read'] });
  await call('PUT', `/users/${ada.id}/roles`, { roles: ['readers'] }, etag(await call('GET', `/users/${ada.id}`)));
  assert.ok((await until(list, 200)) < 1000);
  await call('PATCH', '/roles/readers', { permissions: [] }, etag(await call('GET', '/roles/readers')));
  assert.ok((await until(list, 403)) < 1000);
});

test('of administrators who remove each other from two processes, one stays', async () => {
  for (let round = 0; round < 5; round++) {
    await here.db.execute("DELETE FROM auth.user_roles WHERE role = 'admin'");
    const [one, two] = [await here.admin(), await there.admin()];
    const [first, second] = await Promise.all([
      as(here, one)('POST', `/users/${two.id}/disable`),
      as(there, two)('POST', `/users/${one.id}/disable`),
    ]);
    assert.equal([first, second].filter(({ status }) => status === 200).length, 1, `${first.text} ${second.text}`);
  }
});

test('a key that is revoked here verifies nothing there within a second', async () => {
  const boss = await here.admin();
  assert.equal((await there.get('/me', { bearer: boss.accessToken })).status, 200);
  const [key] = (await as(here, boss)('GET', '/keys')).body.data;
  assert.equal((await as(here, boss)('POST', `/keys/${key.kid}/revoke`)).status, 204);
  assert.ok((await until(() => there.get('/me', { bearer: boss.accessToken }), 401)) < 1000);
});
