import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { sessionIdOf, startServer, type TestServer, type TestUser, untilRemembered } from '../../../test/kit.ts';
import { as, asRole, etag } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let call: ReturnType<typeof as>;
before(async () => {
  server = await startServer();
  admin = await server.admin();
  call = as(server, admin);
});

const role = async (name: string, permissions: string[]): Promise<void> => {
  const made = await call('POST', '/roles', { name, permissions });
  assert.equal(made.status, 201, made.text);
};

describe('roles', () => {
  test('a role is made, read, changed and deleted under its version, and counts at once', async () => {
    await role('helpdesk', ['users:read']);
    const ada = await server.user();
    const tag = etag(await call('GET', `/users/${ada.id}`));
    assert.deepEqual((await call('PUT', `/users/${ada.id}/roles`, { roles: ['helpdesk'] }, tag)).body.permissions, [
      'users:read',
    ]);
    const act = as(server, ada);
    assert.equal((await act('GET', '/users')).status, 200);
    assert.equal((await act('GET', '/stats')).status, 403);
    const first = etag(await call('GET', '/roles/helpdesk'));
    assert.equal((await call('PATCH', '/roles/helpdesk', { permissions: [] })).status, 428);
    const changed = await call('PATCH', '/roles/helpdesk', { permissions: ['stats:read', 'stats:read'] }, first);
    assert.deepEqual(changed.body.permissions, ['stats:read']);
    assert.equal((await call('PATCH', '/roles/helpdesk', { description: 'x' }, first)).status, 412);
    assert.equal((await act('GET', '/users')).status, 403);
    assert.equal((await act('GET', '/stats')).status, 200);
    assert.equal((await call('DELETE', '/roles/helpdesk')).status, 428);
    assert.equal((await call('DELETE', '/roles/helpdesk', undefined, etag(changed))).status, 204);
    assert.equal((await act('GET', '/stats')).status, 403);
    const lines = (await server.audit()).map(({ action }) => action);
    for (const action of ['role.created', 'role.updated', 'role.deleted', 'user.roles_changed'])
      assert.ok(lines.includes(action), action);
  });

  test('the built-in role stays as it is, names are unique, and permissions are known ones', async () => {
    const tag = etag(await call('GET', '/roles/admin'));
    assert.equal((await call('PATCH', '/roles/admin', { permissions: [] }, tag)).body.code, 'conflict');
    assert.equal((await call('DELETE', '/roles/admin', undefined, tag)).body.code, 'conflict');
    assert.equal((await call('POST', '/roles', { name: 'admin', permissions: [] })).body.code, 'conflict');
    for (const permission of ['*', 'users:*', 'no:such', '', 'USERS:READ']) {
      assert.equal(
        (await call('POST', '/roles', { name: 'bad', permissions: [permission] })).body.code,
        'validation_failed',
        permission,
      );
    }
    for (const name of ['Admin', 'a b', '-x', '', 'x'.repeat(51), 'ádmin']) {
      assert.equal((await call('POST', '/roles', { name, permissions: [] })).status, 400, name);
    }
    assert.equal((await call('POST', '/roles', { name: 'x', permissions: [], built_in: true })).status, 400);
  });
});

describe('nobody gets further than he is', () => {
  test('a role is made, given and changed only of permissions that one holds', async () => {
    await role('auditor', ['audit:read']);
    await role('reader', ['users:read']);
    const manager = await asRole(server, await server.user(), [
      'roles:read',
      'roles:write',
      'users:read',
      'users:write',
    ]);
    const act = as(server, manager);
    const ada = await server.user();
    const tagOf = async (path: string): Promise<string> => etag(await call('GET', path));

    assert.equal((await act('POST', '/roles', { name: 'mine', permissions: ['audit:read'] })).body.code, 'forbidden');
    assert.equal((await act('POST', '/roles', { name: 'mine', permissions: ['users:read'] })).status, 201);
    const mine = await tagOf('/roles/mine');
    assert.equal((await act('PATCH', '/roles/mine', { permissions: ['keys:write'] }, mine)).body.code, 'forbidden');
    const auditor = await tagOf('/roles/auditor');
    assert.equal(
      (await act('PATCH', '/roles/auditor', { permissions: ['users:read'] }, auditor)).body.code,
      'forbidden',
    );
    assert.equal((await act('DELETE', '/roles/auditor', undefined, auditor)).body.code, 'forbidden');

    const give = async (id: string, roles: string[]) =>
      act('PUT', `/users/${id}/roles`, { roles }, await tagOf(`/users/${id}`));
    for (const wanted of [['admin'], ['auditor'], ['reader', 'admin']]) {
      assert.equal((await give(ada.id, wanted)).body.code, 'forbidden', wanted.join());
      assert.equal((await give(manager.id, wanted)).body.code, 'forbidden', wanted.join());
    }
    assert.equal((await give(ada.id, ['no-such-role'])).body.code, 'validation_failed');
    assert.deepEqual((await give(ada.id, ['reader'])).body.roles, ['reader']);
  });

  test('who holds more is out of reach of every act', async () => {
    const everything = ['users:read', 'users:write', 'users:delete', 'users:impersonate', 'roles:read', 'roles:write'];
    const manager = await asRole(server, await server.user(), everything);
    const above = await asRole(server, await server.user(), ['audit:read']);
    const act = as(server, manager);
    const before = await server.db.query('SELECT * FROM auth.users WHERE id = ANY($1::uuid[]) ORDER BY id', [
      [admin.id, above.id],
    ]);
    for (const { id } of [admin, above]) {
      const tag = etag(await act('GET', `/users/${id}`));
      const tries = [
        act('PATCH', `/users/${id}`, { name: 'x' }, tag),
        act('DELETE', `/users/${id}`, undefined, tag),
        act('PUT', `/users/${id}/roles`, { roles: [] }, tag),
        act('DELETE', `/users/${id}/sessions`),
        act('POST', `/users/${id}/impersonate`, { reason: 'for fun' }),
        ...['disable', 'enable', 'unlock', 'verify-email', 'send-password-reset'].map((one) =>
          act('POST', `/users/${id}/${one}`),
        ),
      ];
      for (const answer of await Promise.all(tries)) assert.equal(answer.body.code, 'forbidden');
    }
    const after = await server.db.query('SELECT * FROM auth.users WHERE id = ANY($1::uuid[]) ORDER BY id', [
      [admin.id, above.id],
    ]);
    assert.deepEqual(after, before);
    assert.equal((await server.get('/me', { bearer: above.accessToken })).status, 200);
  });

  test('rights that were taken a moment ago change nothing any more, even for who is remembered with them', async () => {
    const manager = await asRole(server, await server.user(), ['users:read', 'users:write']);
    const ada = await server.user();
    const act = as(server, manager);
    await untilRemembered(server, [manager.id, sessionIdOf(manager.accessToken)]);
    assert.equal((await act('GET', '/users')).status, 200);
    // Behind the back of the change feed: this process still remembers the role.
    await server.db.execute('DELETE FROM auth.user_roles WHERE user_id = $1', [manager.id]);
    assert.equal((await act('GET', '/users')).status, 200);
    assert.equal((await act('POST', `/users/${ada.id}/disable`)).body.code, 'forbidden');
  });
});

describe('the last administrator stays (ADM-08)', () => {
  test('he is not disabled, deleted or demoted, by himself or by anyone', async () => {
    const tag = etag(await call('GET', `/users/${admin.id}`));
    assert.equal((await call('POST', `/users/${admin.id}/disable`)).body.code, 'conflict');
    assert.equal((await call('DELETE', `/users/${admin.id}`, undefined, tag)).body.code, 'conflict');
    assert.equal((await call('PUT', `/users/${admin.id}/roles`, { roles: [] }, tag)).body.code, 'conflict');
    const second = await server.admin();
    assert.equal((await call('POST', `/users/${second.id}/disable`)).status, 200);
    assert.equal(
      (await call('POST', `/users/${admin.id}/disable`)).body.code,
      'conflict',
      'a disabled one does not count',
    );
  });

  test('of two who remove each other at the same moment, one stays', async () => {
    const ways = ['disable', 'delete', 'demote'] as const;
    for (const way of ways) {
      await server.db.execute("DELETE FROM auth.user_roles WHERE role = 'admin'");
      const [one, two] = [await server.admin(), await server.admin()];
      const tags = await Promise.all(
        [one, two].map(async (who) => etag(await as(server, one)('GET', `/users/${who.id}`))),
      );
      const remove = (by: TestUser, id: string, tag: string) => {
        if (way === 'disable') return as(server, by)('POST', `/users/${id}/disable`);
        if (way === 'delete') return as(server, by)('DELETE', `/users/${id}`, undefined, tag);
        return as(server, by)('PUT', `/users/${id}/roles`, { roles: [] }, tag);
      };
      const answers = await Promise.all([
        remove(one, two.id, tags[1] as string),
        remove(two, one.id, tags[0] as string),
        remove(one, one.id, tags[0] as string),
        remove(two, two.id, tags[1] as string),
      ]);
      assert.ok(answers.some(({ status }) => status < 300) && answers.every(({ status }) => status < 500), way);
      const left = await server.db.query(
        "SELECT 1 FROM auth.user_roles r JOIN auth.users u ON u.id = r.user_id WHERE r.role = 'admin' AND u.status = 'active'",
      );
      assert.equal(left.length, 1, way);
    }
  });
});
