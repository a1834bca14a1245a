// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../kit.ts';

const APP = 'https://app.example.test';
let server: TestServer;
before(async () => {
  server = await startServer({
    env: {
      API_PREFIX: '/auth-service/v7',
      PUBLIC_URL: 'https://login.example.test',
      CORS_ORIGIN: `${APP},https://admin.example.test`,
      HEALTH_CHECK_PATH: '/alive',
      READY_CHECK_PATH: '/takes/traffic',
      METRICS_PORT: '0',
    },
  });
});

async function linksOf(one: TestServer): Promise<string[]> {
  const email = someEmail();
  await one.post('/auth/register', { email, password: PASSWORD });
  return (await one.mails(email)).flatMap((mail) => mail.links);
}

test('the API answers under API_PREFIX and nowhere else', async () => {
  assert.equal((await server.call('GET', '/auth-service/v7/me')).status, 401);
  assert.equal((await server.call('GET', '/api/v1/me')).status, 404);
});

test('PUBLIC_URL is in links, in the issuer and audience, and makes cookies and transport strict', async () => {
  const links = await linksOf(server);
  assert.ok(links.length > 0 && links.every((link) => link.startsWith('https://login.example.test/')), links.join());
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  await server.post('/auth/verify-email', { token: await server.linkToken(email, '/verify-email') });
  const answer = await server.post('/auth/login', { email, password: PASSWORD, session: 'cookie' });
  const cookies = answer.headers.getSetCookie();
  assert.ok(
    cookies.some((line) => line.startsWith('__Host-session=') && /; Secure/.test(line)),
    cookies.join(),
  );
  assert.match(answer.headers.get('strict-transport-security') ?? '', /max-age/);
  assert.deepEqual(
    [server.config.JWT_ISSUER, server.config.JWT_AUDIENCE],
    ['https://login.example.test', 'https://login.example.test'],
  );
});

test('links in mails lead to APP_LINK_BASE instead of the own pages', async () => {
  const other = await startServer({ env: { APP_LINK_BASE: 'https://app.example.test/account' }, on: server });
  const links = await linksOf(other);
  assert.ok(
    links.some((link) => link.startsWith('https://app.example.test/account/verify-email#token=')),
    links.join(),
  );
  await other.close();
});

test('only pages of CORS_ORIGIN may call, with credentials, and be told the answer', async () => {
  const ask = (origin: string) =>
    server.post('/auth/login', { email: someEmail(), password: 'wrong' }, { headers: { origin } });
  const allowed = await ask(APP);
  assert.equal(allowed.status, 401);
  assert.equal(allowed.headers.get('access-control-allow-origin'), APP);
  assert.equal(allowed.headers.get('access-control-allow-credentials'), 'true');
  const stranger = await ask('https://evil.example.test');
  assert.deepEqual([stranger.status, stranger.body.code], [403, 'origin_not_allowed']);
  assert.equal(stranger.headers.get('access-control-allow-origin'), null);
  const preflight = await server.call('OPTIONS', '/auth-service/v7/auth/login', {
    headers: { origin: 'https://admin.example.test', 'access-control-request-method': 'POST' },
  });
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://admin.example.test');
});

test('health and readiness answer at HEALTH_CHECK_PATH and READY_CHECK_PATH', async () => {
  assert.equal((await server.call('GET', '/alive')).body.status, 'ok');
  assert.equal((await server.call('GET', '/takes/traffic')).body.checks.database.status, 'ok');
  for (const path of ['/health', '/ready']) assert.equal((await server.call('GET', path)).status, 404);
});
