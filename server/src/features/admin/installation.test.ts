import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { expect, someEmail, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import { as, signIn } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let call: ReturnType<typeof as>;
before(async () => {
  // A window that no other test has: the counters in Redis are shared, and so is the address.
  server = await startServer({ env: { TRUSTED_PROXIES: '127.0.0.1/32', RATE_LIMIT_LOGIN: '500/61' } });
  admin = await server.admin();
  call = as(server, admin);
});

test('the figures for a dashboard are those of the installation', async () => {
  const ada = await server.user();
  await call('POST', `/users/${(await server.user()).id}/disable`);
  await call('POST', '/users', { email: someEmail() });
  for (let i = 0; i < 11; i++) await server.post('/auth/login', { email: ada.email, password: `wrong ${i}` });
  await server.app.settle();
  const { status, body } = await call('GET', '/stats');
  assert.equal(status, 200);
  const { total, verified, disabled, without_password, exact, new_per_day } = body.users;
  assert.deepEqual(
    { total, verified, disabled, without_password, exact },
    { total: 4, verified: 3, disabled: 1, without_password: 1, exact: true },
  );
  assert.equal(new_per_day.length, 30);
  assert.equal(
    new_per_day.reduce((sum: number, one: { count: number }) => sum + one.count, 0),
    4,
  );
  assert.equal(body.locked, 1);
  const logins = (await server.audit('session.login')).length;
  const sum = (series: { sign_ins: number }[]) => series.reduce((n, one) => n + one.sign_ins, 0);
  assert.deepEqual([sum(body.sign_ins.per_hour), sum(body.sign_ins.per_day)], [logins, logins]);
  assert.deepEqual([body.sign_ins.per_hour.length, body.sign_ins.per_day.length], [24, 30]);
  assert.ok(body.sign_ins.per_hour.at(-1).failures + body.sign_ins.per_hour.at(-2).failures >= 10);
  assert.ok(body.sessions.live >= 2 && body.audit.seq > 10);
  assert.equal(body.keys.length, 1);
  assert.deepEqual(body.mail, { waiting: 0, oldest_at: null, failed: 0 });
});

test('why an account is throttled is said, and lifted, for one that does not exist too', async () => {
  for (const email of [(await server.user()).email, someEmail('nobody')]) {
    const look = async () => (await call('GET', `/limits?subject=${email}`)).body.limits[0];
    assert.equal((await look()).blocked, false);
    for (let i = 0; i < 11; i++) await server.post('/auth/login', { email, password: `wrong ${i}` });
    const state = await look();
    assert.deepEqual([state.policy, state.used, state.limit, state.blocked], ['account', 10, 10, true]);
    assert.ok(state.retry_after > 0 && state.retry_after <= 900);
    assert.equal((await call('DELETE', `/limits?subject=${email}`)).status, 204);
    assert.equal((await look()).blocked, false);
  }
  assert.equal((await server.audit('limits.cleared')).length, 2);
});

test('why an address is throttled is said, and lifted', async () => {
  const network = `2001:db8:${randomBytes(2).toString('hex')}:${randomBytes(2).toString('hex')}`;
  const from = { headers: { 'x-forwarded-for': `${network}::7` } };
  let refused = 0;
  // Few more than the limit, unless the machine is so busy that a window ends meanwhile.
  for (let i = 0; i < 2_000 && refused === 0; i += 30) {
    const tries = Array.from({ length: 30 }, () =>
      server.call('POST', `${server.config.API_PREFIX}/auth/login`, { ...from, body: {} }),
    );
    refused += (await Promise.all(tries)).filter(({ status }) => status === 429).length;
  }
  assert.ok(refused > 0);
  const login = (await call('GET', `/limits?subject=${network}::99`)).body.limits.find(
    (one: { policy: string }) => one.policy === 'login',
  );
  assert.deepEqual([login.blocked, login.limit], [true, 500], 'an IPv6 address stands for its /64');
  assert.equal((await call('DELETE', `/limits?subject=${network}::7`)).status, 204);
  assert.equal(
    (await server.call('POST', `${server.config.API_PREFIX}/auth/login`, { ...from, body: {} })).status,
    400,
  );
  for (const subject of ['x', '', '1.2.3.4.5', 'a@b', '%00'])
    assert.equal((await call('GET', `/limits?subject=${subject}`)).status, 400, subject);
  assert.equal((await call('GET', '/limits?subject=00000000-0000-7000-8000-000000000000')).status, 404);
});

test('the server says which address it takes for the client’s, and why', async () => {
  const path = `${server.config.API_PREFIX}/admin/diagnostics/client-ip`;
  const ask = (forwarded?: string) =>
    server.call('GET', path, {
      bearer: admin.accessToken,
      ...(forwarded && { headers: { 'x-forwarded-for': forwarded } }),
    });
  const behind = (await ask('203.0.113.9, 198.51.100.7')).body;
  assert.deepEqual([behind.address, behind.peer, behind.peer_is_trusted], ['198.51.100.7', '127.0.0.1', true]);
  assert.match(behind.explanation, /first address that is not a trusted proxy/);
  assert.match((await ask()).body.explanation, /sends no X-Forwarded-For/);
  assert.match((await ask('nonsense')).body.explanation, /no address that could be read/);
});

test('keys are listed, rotated and revoked, and what a revoked one signed is refused', async () => {
  const [first] = (await call('GET', '/keys')).body.data;
  assert.deepEqual([first.status, first.managed], ['active', true]);
  assert.ok(!JSON.stringify(first).includes('private'));
  const later = await call('POST', '/keys', {});
  assert.equal(later.status, 201);
  const status = async (kid: string) =>
    (await call('GET', '/keys')).body.data.find((one: { kid: string }) => one.kid === kid).status;
  assert.deepEqual([await status(first.kid), await status(later.body.kid)], ['active', 'next']);
  const now = await call('POST', '/keys', { immediately: true });
  assert.equal(await status(now.body.kid), 'active');
  const renewed = await signIn(server, admin);
  assert.equal((await call('POST', `/keys/${first.kid}/revoke`)).status, 204);
  assert.equal((await server.get('/me', { bearer: admin.accessToken })).status, 401, 'signed by the revoked key');
  assert.equal((await server.get('/me', { bearer: renewed.accessToken })).status, 200);
  expect(await server.post('/auth/refresh', { refresh_token: admin.refreshToken }), 200);
  const again = await as(server, renewed)('POST', `/keys/${first.kid}/revoke`);
  assert.equal(again.status, 404);
  const published = await server.call('GET', '/.well-known/jwks.json');
  assert.ok(!published.body.keys.some((key: { kid: string }) => key.kid === first.kid));
});
