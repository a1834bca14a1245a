import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { linesOf } from '../../../test/attacks/accounts/tools.ts';
import { PASSWORD, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const patch = (user: TestUser, body: unknown) =>
  server.call('PATCH', `${server.config.API_PREFIX}/me`, { body, bearer: user.accessToken });
const me = (user: TestUser) => server.get('/me', { bearer: user.accessToken });

test('/me is the user of the contract, and nothing more', async () => {
  const ada = await server.user({ name: 'Ada' });
  const { status, body, headers } = await me(ada);
  assert.equal(status, 200);
  assert.equal(headers.get('cache-control'), 'no-store');
  const fields = [
    'created_at',
    'email',
    'email_verified',
    'has_password',
    'id',
    'last_login_at',
    'locale',
    'mfa',
    'name',
    'picture',
    'roles',
    'status',
    'updated_at',
  ];
  assert.deepEqual(Object.keys(body).sort(), fields);
  assert.deepEqual(body.mfa, { totp: false, passkeys: 0, recovery_codes_left: 0 });
  assert.deepEqual(
    [body.id, body.email, body.email_verified, body.has_password, body.status],
    [ada.id, ada.email, true, true, 'active'],
  );
  for (const time of ['created_at', 'updated_at', 'last_login_at'])
    assert.equal(new Date(body[time]).toISOString(), body[time]);
  assert.equal((await server.get('/me')).body.code, 'unauthenticated');
});

test('a change of the profile changes what is given, leaves the rest, and names the fields in one line', async () => {
  const ada = await server.user({ name: 'Ada' });
  const before = await linesOf(server, ada.id);
  const answer = await patch(ada, { locale: 'en-GB', picture: 'https://img.example/a b.png' });
  assert.equal(answer.status, 200);
  assert.deepEqual(
    [answer.body.name, answer.body.locale, answer.body.picture],
    ['Ada', 'en-GB', 'https://img.example/a%20b.png'],
  );
  assert.deepEqual((await me(ada)).body, answer.body);
  assert.deepEqual((await linesOf(server, ada.id)).slice(before.length), ['user.updated success']);
  assert.deepEqual((await server.audit('user.updated')).at(-1)?.detail, { fields: ['locale', 'picture'] });
  const cleared = await patch(ada, { name: null, picture: null, locale: null });
  assert.deepEqual([cleared.body.name, cleared.body.locale, cleared.body.picture], [null, null, null]);
  assert.equal((await server.mails(ada.email)).length, 1, 'only the mail of the registration');
});

test('a profile that is not valid is refused by field, and nothing of it is kept', async () => {
  const ada = await server.user({ name: 'Ada' });
  // biome-ignore format: a table
  const bad = [
    {}, [], null, { name: '' }, { name: '   ' }, { name: 'x'.repeat(101) }, { name: 'a\nb' }, { name: 'a\u202eb' }, { name: 7 },
    { picture: 'http://img.example/a.png' }, { picture: 'javascript:alert(1)' }, { picture: 'https://user:pw@img.example/' },
    { picture: 'https://' }, { picture: `https://img.example/${'x'.repeat(2048)}` }, { locale: 'not a locale' }, { locale: '../../etc' },
  ];
  for (const body of bad) assert.equal((await patch(ada, body)).status, 400, JSON.stringify(body));
  assert.equal((await me(ada)).body.name, 'Ada');
});

test('I-043 I-083 no protected field can be written through the profile, in any spelling', async () => {
  const ada = await server.user();
  const before = (await me(ada)).body;
  // biome-ignore format: a table
  const fields = [
    'email', 'email_verified', 'emailVerified', 'email_verified_at', 'verified', 'roles', 'role', 'permissions', 'status', 'password',
    'new_password', 'password_hash', 'passwordHash', 'has_password', 'mfa', 'id', 'user_id', 'version', 'created_at', 'last_login_at',
  ];
  for (const field of fields) {
    for (const value of [true, 'admin', ['admin'], null, 1]) {
      const answer = await patch(ada, { name: 'Eve', [field]: value });
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], field);
    }
  }
  const answer = await patch(ada, JSON.parse('{"name":"Eve","constructor":{"x":1}}'));
  assert.equal(answer.status, 400);
  for (const query of ['?roles=admin', '?email_verified=true', `?id=${ada.id}`]) {
    await server.call('PATCH', `${server.config.API_PREFIX}/me${query}`, {
      body: { locale: 'en' },
      bearer: ada.accessToken,
    });
  }
  const after = (await me(ada)).body;
  assert.deepEqual({ ...after, updated_at: '', locale: null }, { ...before, updated_at: '', locale: null });
  assert.equal((await server.post('/auth/login', { email: ada.email, password: PASSWORD })).status, 200);
});
