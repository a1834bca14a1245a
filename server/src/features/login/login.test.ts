import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../../test/kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

test('a registered, verified person signs in and is known by the access token', async () => {
  const ada = await server.user({ name: 'Ada' });
  const me = await server.get('/me', { bearer: ada.accessToken });
  assert.equal(me.status, 200);
  assert.equal(me.body.email, ada.email);
  assert.equal(me.body.name, 'Ada');
  assert.equal(me.headers.get('cache-control'), 'no-store');
});

test('a wrong password and an unknown address are one answer', async () => {
  const ada = await server.user();
  const wrong = await server.post('/auth/login', { email: ada.email, password: 'not the one at all' });
  const unknown = await server.post('/auth/login', { email: someEmail(), password: PASSWORD });
  assert.equal(wrong.status, 401);
  const strip = (text: string) => text.replace(/"request_id":"[^"]*"/, '');
  assert.equal(strip(wrong.text), strip(unknown.text));
});

test('an unverified account is refused only after the right password', async () => {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  assert.equal(
    (await server.post('/auth/login', { email, password: 'wrong password 1' })).body.code,
    'invalid_credentials',
  );
  assert.equal((await server.post('/auth/login', { email, password: PASSWORD })).body.code, 'email_not_verified');
});

test('a cookie session works with its CSRF token and not without', async () => {
  const ada = await server.user({ session: 'cookie' });
  assert.equal((await server.get('/me', { cookie: ada.cookie })).status, 200);
  const without = await server.post('/auth/logout-all', {}, { cookie: ada.cookie });
  assert.equal(without.body.code, 'csrf_invalid');
  const withToken = await server.post(
    '/auth/logout-all',
    {},
    { cookie: ada.cookie, headers: { 'x-csrf-token': ada.csrf } },
  );
  assert.equal(withToken.status, 204);
  assert.equal((await server.get('/me', { cookie: ada.cookie })).status, 401);
});
