import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import { as, asRole, etag, signIn } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let call: ReturnType<typeof as>;
before(async () => {
  server = await startServer();
  admin = await server.admin();
  call = as(server, admin);
});

const columnsOf = async (id: string): Promise<Record<string, unknown>> =>
  (await server.db.query('SELECT * FROM auth.users WHERE id = $1', [id]))[0] as Record<string, unknown>;

describe('creating', () => {
  test('an account is made without a password, and its owner chooses one by mail', async () => {
    const email = someEmail('new');
    const made = await call('POST', '/users', { email, name: 'Grace' });
    assert.equal(made.status, 201);
    assert.equal(made.body.has_password, false);
    assert.equal(made.body.email_verified, false);
    assert.equal(etag(made), `"${made.body.version}"`);
    assert.equal((await server.audit('user.created_by_admin')).at(-1)?.subject_id, made.body.id);
    const token = await server.linkToken(email, '/reset-password');
    assert.equal((await server.post('/auth/password/reset', { token, password: PASSWORD })).status, 204);
    const signedIn = await server.post('/auth/login', { email, password: PASSWORD });
    assert.equal(signedIn.status, 200);
    assert.equal(signedIn.body.user.email_verified, true);
  });

  test('nobody sets a password for another, by any field of any route (ADM-06)', async () => {
    const ada = await server.user();
    const hash = (await columnsOf(ada.id)).password_hash;
    for (const field of ['password', 'new_password', 'password_hash', 'hash']) {
      const made = await call('POST', '/users', { email: someEmail(), [field]: PASSWORD });
      assert.equal(made.body.code, 'validation_failed', field);
      const tag = etag(await call('GET', `/users/${ada.id}`));
      assert.equal((await call('PATCH', `/users/${ada.id}`, { name: 'x', [field]: PASSWORD }, tag)).status, 400, field);
    }
    assert.equal((await columnsOf(ada.id)).password_hash, hash);
  });

  test('a taken address is 409, and the same key gives the same answer once', async () => {
    const email = someEmail();
    const send = (body: object) =>
      server.post('/admin/users', body, { bearer: admin.accessToken, headers: { 'idempotency-key': `key-${email}` } });
    const [first, again] = [await send({ email }), await send({ email })];
    assert.equal(first.status, 201);
    assert.equal(again.text, first.text);
    assert.equal(again.headers.get('etag'), first.headers.get('etag'));
    assert.equal((await send({ email: someEmail() })).body.code, 'idempotency_key_reused');
    assert.equal((await call('POST', '/users', { email })).body.code, 'email_taken');
  });
});

test('no column can be written that the contract does not name (ADM-04)', async () => {
  const ada = await server.user();
  const before = await columnsOf(ada.id);
  const columns = [
    ...Object.keys(before),
    'roles',
    'permissions',
    'email_verified',
    'mfa',
    'has_password',
    '__proto__',
    'constructor',
  ];
  for (const column of columns.filter((name) => !['name', 'picture', 'locale'].includes(name))) {
    const tag = etag(await call('GET', `/users/${ada.id}`));
    const value = column === 'roles' ? ['admin'] : 'x';
    const raw = JSON.stringify({ name: 'N' }).replace('}', `,${JSON.stringify(column)}:${JSON.stringify(value)}}`);
    const options = { raw, bearer: admin.accessToken, headers: { 'if-match': tag } };
    const answer = await server.call('PATCH', `${server.config.API_PREFIX}/admin/users/${ada.id}`, options);
    assert.equal(answer.status, 400, column);
  }
  assert.deepEqual(await columnsOf(ada.id), before);
});

describe('a change takes the version that was read', () => {
  test('without If-Match 428, with an old one 412, with the present one done', async () => {
    const ada = await server.user();
    const first = etag(await call('GET', `/users/${ada.id}`));
    assert.equal((await call('PATCH', `/users/${ada.id}`, { name: 'A' })).body.code, 'version_required');
    assert.equal((await call('PATCH', `/users/${ada.id}`, { name: 'A' }, '*')).body.code, 'version_required');
    const changed = await call('PATCH', `/users/${ada.id}`, { name: 'A' }, first);
    assert.equal(changed.status, 200);
    assert.notEqual(etag(changed), first);
    for (const stale of [first, `W/${etag(changed)}`, 'nonsense', '"999999"']) {
      assert.equal((await call('PATCH', `/users/${ada.id}`, { name: 'B' }, stale)).body.code, 'version_stale', stale);
      assert.equal((await call('DELETE', `/users/${ada.id}`, undefined, stale)).status, 412);
      assert.equal((await call('PUT', `/users/${ada.id}/roles`, { roles: [] }, stale)).status, 412);
    }
    assert.equal((await call('DELETE', `/users/${ada.id}`)).status, 428);
    assert.equal((await call('PUT', `/users/${ada.id}/roles`, { roles: [] })).status, 428);
    assert.equal((await call('PATCH', `/users/${ada.id}`, { name: 'B' }, `"7", ${etag(changed)}`)).status, 200);
  });

  test('of twenty changes of one version, one is made', async () => {
    const ada = await server.user();
    const tag = etag(await call('GET', `/users/${ada.id}`));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => call('PATCH', `/users/${ada.id}`, { name: `N${i}` }, tag)),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal(answers.filter(({ status }) => status === 412).length, 19);
  });
});

test('an unknown id is 404 and a malformed one 400, on every route of a user', async () => {
  const ids = [
    ['00000000-0000-7000-8000-000000000000', 404],
    ['not-an-id', 400],
    [admin.id.toUpperCase(), 400],
  ] as const;
  for (const [id, status] of ids) {
    assert.equal((await call('GET', `/users/${id}`)).status, status, id);
    assert.equal((await call('GET', `/users/${id}/sessions`)).status, status, id);
    assert.equal((await call('GET', `/users/${id}/roles`)).status, status, id);
    assert.equal((await call('PATCH', `/users/${id}`, { name: 'x' }, '"1"')).status, status, id);
    assert.equal((await call('DELETE', `/users/${id}`, undefined, '"1"')).status, status, id);
    for (const act of ['disable', 'enable', 'unlock', 'verify-email', 'send-password-reset']) {
      assert.equal((await call('POST', `/users/${id}/${act}`)).status, status, `${act} ${id}`);
    }
  }
});

test('disabling ends sessions and links, keeps the user out, tells him, and enabling lets him in again', async () => {
  const ada = await server.user();
  await server.post('/auth/password/forgot', { email: ada.email });
  const link = await server.linkToken(ada.email, '/reset-password');
  const disabled = await call('POST', `/users/${ada.id}/disable`, { reason: 'Ticket 4711' });
  assert.equal(disabled.body.status, 'disabled');
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).body.code, 'session_revoked');
  assert.equal((await server.post('/auth/refresh', { refresh_token: ada.refreshToken })).status, 401);
  assert.equal(
    (await server.post('/auth/login', { email: ada.email, password: PASSWORD })).body.code,
    'invalid_credentials',
  );
  assert.equal(
    (await server.post('/auth/password/reset', { token: link, password: PASSWORD })).body.code,
    'token_invalid',
  );
  assert.match((await server.mails(ada.email))[0]?.subject ?? '', /disabled/);
  assert.equal((await call('POST', `/users/${ada.id}/send-password-reset`)).body.code, 'conflict');
  assert.equal((await call('POST', `/users/${ada.id}/enable`)).body.status, 'active');
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401, 'what has ended stays ended');
  await signIn(server, ada);
});

test('an administrator sees and ends the sessions of a user, and of nobody else by that path', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  const second = await signIn(server, ada);
  const { body } = await call('GET', `/users/${ada.id}/sessions?limit=1`);
  assert.equal(body.data.length, 1);
  const rest = await call('GET', `/users/${ada.id}/sessions?limit=1&cursor=${body.next_cursor}`);
  assert.equal(rest.body.data.length, 1);
  assert.equal(rest.body.next_cursor, null);
  assert.equal((await call('DELETE', `/users/${bob.id}/sessions/${body.data[0].id}`)).status, 404);
  assert.equal((await call('DELETE', `/users/${ada.id}/sessions/${body.data[0].id}`)).status, 204);
  assert.equal((await server.get('/me', { bearer: second.accessToken })).status, 401);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 200);
  assert.equal((await call('DELETE', `/users/${ada.id}/sessions`)).status, 204);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401);
  assert.equal((await server.get('/me', { bearer: bob.accessToken })).status, 200);
});

test('a deleted user is gone with everything personal, and told; who did it is kept', async () => {
  const ada = await server.user({ name: 'Ada' });
  const tag = etag(await call('GET', `/users/${ada.id}`));
  assert.equal((await call('DELETE', `/users/${ada.id}`, undefined, tag)).status, 204);
  assert.equal((await call('GET', `/users/${ada.id}`)).status, 404);
  assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 401);
  assert.match((await server.mails(ada.email))[0]?.subject ?? '', /deleted/);
  const { body } = await call('GET', `/audit?user=${ada.id}`);
  assert.ok(body.data.length >= 3);
  for (const line of body.data) assert.deepEqual([line.address, line.personal], [null, null], line.action);
  assert.deepEqual([body.data[0].action, body.data[0].actor.id], ['user.deleted', admin.id]);
  assert.equal((await call('GET', '/audit/verify')).body.ok, true);
});

test('an address is verified, a lock-out lifted and a reset link sent on behalf of the user', async () => {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  const id = (await call('GET', `/users?query=${email}`)).body.data[0].id;
  assert.equal((await call('POST', `/users/${id}/verify-email`)).body.email_verified, true);
  for (let i = 0; i < 10; i++) await server.post('/auth/login', { email, password: `wrong ${i}` });
  assert.equal((await server.post('/auth/login', { email, password: PASSWORD })).status, 401);
  assert.equal((await call('POST', `/users/${id}/unlock`)).status, 200);
  assert.equal((await server.post('/auth/login', { email, password: PASSWORD })).status, 200);
  const sent = await call('POST', `/users/${id}/send-password-reset`);
  assert.equal(sent.status, 202);
  assert.ok(!sent.text.includes('token'));
  assert.ok(await server.linkToken(email, '/reset-password'));
});

test('a support role does its work and nothing beyond it', async () => {
  const support = await asRole(server, await server.user(), ['users:read', 'users:write']);
  const act = as(server, support);
  const ada = await server.user();
  assert.equal((await act('POST', `/users/${ada.id}/disable`)).status, 200);
  assert.equal((await act('POST', '/users', { email: someEmail() })).status, 201);
  assert.equal((await act('POST', '/users', { email: someEmail(), roles: ['admin'] })).body.code, 'forbidden');
  const denied = (await server.audit('access.denied')).at(-1);
  assert.deepEqual([denied?.outcome, denied?.detail?.permission], ['denied', 'users:write']);
});
