import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  type Answer,
  sessionIdOf,
  startServer,
  type TestServer,
  type TestUser,
  untilRemembered,
} from '../../../test/kit.ts';
import { as, asRole, etag, signIn } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let ada: TestUser;
before(async () => {
  server = await startServer();
  admin = await server.admin();
  ada = await server.user();
});

const take = (by: TestUser, id: string, body: unknown = { reason: 'Ticket 4711' }): Promise<Answer> =>
  as(server, by)('POST', `/users/${id}/impersonate`, body);
const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString());
/** Refused here, ended for a reason, and told to the other processes under its own id. */
async function isOver({ body }: Answer, reason: string): Promise<void> {
  assert.equal((await server.get('/me', { bearer: body.access_token })).body.code, 'session_revoked');
  const again = await server.post('/auth/refresh', { refresh_token: body.refresh_token });
  assert.equal(again.body.code, 'session_revoked');
  const [row] = await server.db.query('SELECT end_reason FROM auth.sessions WHERE id = $1', [body.session_id]);
  assert.deepEqual(row, { end_reason: reason });
  assert.equal((await server.db.query('SELECT 1 FROM auth.changes WHERE subject = $1', [body.session_id])).length, 1);
}

test('an administrator reads as the user for an hour, and both are named in token and log', async () => {
  const taken = await take(admin, ada.id);
  assert.equal(taken.status, 200, taken.text);
  const claims = claimsOf(taken.body.access_token);
  assert.deepEqual([claims.sub, claims.act.sub, claims.amr], [ada.id, admin.id, ['pwd']]);
  assert.equal((await server.get('/me', { bearer: taken.body.access_token })).body.id, ada.id);
  const { body } = await as(server, admin)('GET', `/audit?user=${ada.id}&action=user.impersonated`);
  const [line] = body.data;
  assert.deepEqual(
    [line.actor, line.subject, line.personal.reason, line.session],
    [{ type: 'admin', id: admin.id }, ada.id, 'Ticket 4711', taken.body.session_id],
  );
  const own = await server.get('/me/activity', { bearer: ada.accessToken });
  assert.ok(
    own.body.data.some(
      (one: { action: string; by: string }) => one.action === 'user.impersonated' && one.by === 'admin',
    ),
  );
});

test('what the user would have to answer for is refused meanwhile', async () => {
  const bearer = (await take(admin, ada.id)).body.access_token;
  const tries = [
    ['PATCH', '/me', { name: 'x' }],
    ['DELETE', '/me', undefined],
    ['POST', '/me/password', { current_password: ada.password, new_password: 'Another-long-passphrase-7' }],
    ['POST', '/me/email', { email: 'other@example.com' }],
    ['POST', '/me/export', {}],
    ['POST', '/auth/logout-all', {}],
    ['POST', '/auth/reauthenticate', { password: ada.password }],
    ['DELETE', '/me/trusted-devices', undefined],
  ] as const;
  for (const [method, path, body] of tries) {
    const answer = await server.call(method, `${server.config.API_PREFIX}${path}`, { bearer, ...(body && { body }) });
    assert.deepEqual([answer.status, answer.body.code], [403, 'forbidden'], `${method} ${path}`);
  }
});

test('not without a reason, not as oneself, not as nobody, and not as a disabled user', async () => {
  for (const body of [{}, { reason: '' }, { reason: 'x' }, { reason: 1 }, { reason: 'long enough', amr: ['mfa'] }]) {
    assert.equal((await take(admin, ada.id, body)).body.code, 'validation_failed', JSON.stringify(body));
  }
  assert.equal((await take(admin, admin.id)).body.code, 'conflict');
  assert.equal((await take(admin, '00000000-0000-7000-8000-000000000000')).status, 404);
  const gone = await server.user();
  await as(server, admin)('POST', `/users/${gone.id}/disable`);
  assert.equal((await take(admin, gone.id)).body.code, 'conflict');
});

test('not from one impersonation to the next, and never to more rights (ADM-07)', async () => {
  const support = await asRole(server, await server.user(), ['users:read', 'users:impersonate']);
  const peer = await asRole(server, await server.user(), ['users:read', 'users:impersonate']);
  const bearer = (await take(support, peer.id)).body.access_token;
  assert.equal((await take({ ...peer, accessToken: bearer }, ada.id)).body.code, 'forbidden');
  assert.equal((await take(support, admin.id)).body.code, 'forbidden');
});

test('it ends with the rights of the administrator: disabled, demoted or deleted, or his role made smaller', async () => {
  const call = as(server, admin);
  const ends: ((id: string) => Promise<Answer>)[] = [
    async (id) => {
      const [role] = (await call('GET', `/users/${id}`)).body.roles;
      return call(
        'PATCH',
        `/roles/${role}`,
        { permissions: ['users:read'] },
        etag(await call('GET', `/roles/${role}`)),
      );
    },
    (id) => call('POST', `/users/${id}/disable`),
    async (id) => call('PUT', `/users/${id}/roles`, { roles: [] }, etag(await call('GET', `/users/${id}`))),
    async (id) => call('DELETE', `/users/${id}`, undefined, etag(await call('GET', `/users/${id}`))),
  ];
  for (const end of ends) {
    const helper = await asRole(server, await server.user(), ['users:read', 'users:impersonate']);
    const taken = await take(await signIn(server, helper), ada.id);
    assert.equal((await server.get('/me', { bearer: taken.body.access_token })).status, 200);
    assert.ok((await end(helper.id)).status < 300);
    assert.equal((await server.get('/me', { bearer: taken.body.access_token })).status, 401);
    assert.equal((await server.post('/auth/refresh', { refresh_token: taken.body.refresh_token })).status, 401);
    assert.equal((await server.get('/me', { bearer: ada.accessToken })).status, 200);
  }
});

test('it never grows with its target: a role given to him, or his role made larger, ends it (ADM-07)', async () => {
  const call = as(server, admin);
  const roleOf = async (id: string): Promise<string> => (await call('GET', `/users/${id}`)).body.roles[0];
  const grows: ((id: string) => Promise<Answer>)[] = [
    async (id) => call('PUT', `/users/${id}/roles`, { roles: ['admin'] }, etag(await call('GET', `/users/${id}`))),
    async (id) => {
      const path = `/roles/${await roleOf(id)}`;
      return call('PATCH', path, { permissions: ['audit:read', 'users:read'] }, etag(await call('GET', path)));
    },
    async (id) => {
      const path = `/roles/${await roleOf(id)}`;
      return call('DELETE', path, undefined, etag(await call('GET', path)));
    },
  ];
  const support = await asRole(server, await server.user(), ['users:impersonate']);
  for (const grow of grows) {
    const bob = await asRole(server, await server.user(), []);
    const other = await take(support, ada.id);
    const taken = await take(support, bob.id);
    assert.equal(taken.status, 200, taken.text);
    assert.ok((await grow(bob.id)).status < 300);
    await isOver(taken, 'roles_changed');
    assert.equal((await server.get('/me', { bearer: bob.accessToken })).status, 200);
    assert.equal((await server.get('/me', { bearer: other.body.access_token })).status, 200);
  }
});

test('it ends with the sessions of either side, one of them or all, and when the target is disabled', async () => {
  const call = as(server, admin);
  const ends: [string, (helper: TestUser, target: TestUser) => Promise<Answer>][] = [
    ['revoked', ({ id }) => call('DELETE', `/users/${id}/sessions`)],
    ['revoked', (_, { id }) => call('DELETE', `/users/${id}/sessions`)],
    ['revoked', ({ id, accessToken }) => call('DELETE', `/users/${id}/sessions/${claimsOf(accessToken).sid}`)],
    ['disabled', (_, { id }) => call('POST', `/users/${id}/disable`)],
  ];
  for (const [reason, end] of ends) {
    const target = await server.user();
    const helper = await signIn(server, await asRole(server, await server.user(), ['users:impersonate']));
    const taken = await take(helper, target.id);
    assert.equal(taken.status, 200, taken.text);
    const answer = await end(helper, target);
    assert.ok(answer.status < 300, answer.text);
    await isOver(taken, reason);
  }
});

test('a session that has ended begins none, though it is still remembered here', async () => {
  const helper = await asRole(server, await server.user(), ['users:impersonate']);
  await untilRemembered(server, [helper.id, sessionIdOf(helper.accessToken)]);
  assert.equal((await server.get('/me', { bearer: helper.accessToken })).status, 200);
  // Behind the back of the change feed, as when another process ended it a moment ago.
  await server.db.execute("UPDATE auth.sessions SET ended_at = $2, end_reason = 'revoked' WHERE user_id = $1", [
    helper.id,
    new Date(server.clock.now()),
  ]);
  assert.equal((await server.get('/me', { bearer: helper.accessToken })).status, 200);
  assert.equal((await take(helper, ada.id)).body.code, 'session_revoked');
});

test('it ends after an hour, whatever is refreshed', async () => {
  const taken = await take(admin, ada.id);
  server.clock.advance(3000);
  const again = await server.post('/auth/refresh', { refresh_token: taken.body.refresh_token });
  assert.equal(claimsOf(again.body.access_token).act.sub, admin.id);
  assert.ok(again.body.expires_in <= 600);
  server.clock.advance(601);
  assert.equal((await server.get('/me', { bearer: again.body.access_token })).status, 401);
  assert.equal(
    (await server.post('/auth/refresh', { refresh_token: again.body.refresh_token })).body.code,
    'session_expired',
  );
});

for (const [deed, act] of [
  ['signs out everywhere', (by: TestUser) => server.post('/auth/logout-all', {}, { bearer: by.accessToken })],
  [
    'chooses a new password',
    (by: TestUser) =>
      server.post(
        '/me/password',
        { current_password: by.password, new_password: 'Heron-kettle-91-amber' },
        { bearer: by.accessToken },
      ),
  ],
  [
    'deletes the own account',
    (by: TestUser) => server.call('DELETE', `${server.config.API_PREFIX}/me`, { bearer: by.accessToken }),
  ],
] as const) {
  test(`it ends when the administrator ${deed}`, async () => {
    const helper = await signIn(server, await asRole(server, await server.user(), ['users:impersonate']));
    const taken = await take(helper, ada.id);
    assert.equal(taken.status, 200, taken.text);
    assert.equal((await act(helper)).status, 204);
    await isOver(taken, 'impersonation_ended');
  });
}
