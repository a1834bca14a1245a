// engines: postgres
// Headers are read before any storage is.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, type TestUser } from '../../kit.ts';
import { ask } from './wire.ts';

const EVIL = 'evil.example';
const FORWARDED: Record<string, string> = {
  'x-forwarded-host': EVIL,
  'x-forwarded-proto': 'https',
  'x-forwarded-port': '444',
  'x-forwarded-prefix': '/evil',
  'x-forwarded-server': EVIL,
  'x-forwarded-uri': '/health',
  'x-host': EVIL,
  forwarded: `for=1.2.3.4;host=${EVIL};proto=https`,
  referer: `https://${EVIL}/`,
};

let server: TestServer;
let user: TestUser;

before(async () => {
  server = await startServer();
  user = await server.user();
});

test('links in mails, issuer and key set are of PUBLIC_URL, whatever host a request claims (HDR-01, I-093)', async () => {
  for (const host of [EVIL, `${EVIL}:80`, `localhost@${EVIL}`, `localhost:3000.${EVIL}`, 'localhost:3000', '']) {
    const email = someEmail();
    const body = JSON.stringify({ email, password: PASSWORD });
    const answer = await ask(
      server,
      `POST http://${EVIL}/api/v1/auth/register HTTP/1.1`,
      `Host: ${host}`,
      ...Object.entries(FORWARDED).map(([name, value]) => `${name}: ${value}`),
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    );
    assert.equal(answer.status, 202, answer.text);
    const [mail] = await server.mails(email);
    assert.ok(mail);
    assert.ok(!`${mail.text}${mail.html}${mail.subject}`.includes(EVIL));
    for (const link of mail.links) assert.match(link, /^http:\/\/localhost:3000\//);
  }
});

test('tokens and cookies know nothing of what a request says about host or scheme (HDR-01)', async () => {
  const { email, password } = user;
  const answer = await server.post('/auth/login', { email, password, session: 'cookie' }, { headers: FORWARDED });
  for (const line of answer.headers.getSetCookie()) assert.doesNotMatch(line, /domain|secure|__Host|evil/i);
  const token = (await server.post('/auth/login', { email, password }, { headers: FORWARDED })).body
    .access_token as string;
  assert.equal(
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()).iss,
    server.config.JWT_ISSUER,
  );
});

test('no header names another path, method or user (HDR-02, I-096)', async () => {
  const claims = {
    'x-original-url': '/health',
    'x-rewrite-url': '/health',
    'x-forwarded-uri': '/health',
    'x-forwarded-path': '/health',
    'x-original-method': 'GET',
    'x-user-id': user.id,
    'x-auth-user': user.email,
    'x-auth-request-user': user.id,
    'x-forwarded-user': user.email,
    'x-remote-user': user.email,
    'x-authenticated-userid': user.id,
    'x-real-ip': '127.0.0.1',
    'x-client-ip': '127.0.0.1',
    'true-client-ip': '127.0.0.1',
  };
  const answer = await server.get('/me', { headers: claims });
  assert.deepEqual([answer.status, answer.body.code], [401, 'unauthenticated']);
});

test('by default nobody is trusted to name another address (HDR-06, I-096)', async () => {
  await server.post(
    '/auth/login',
    { email: user.email, password: 'wrong' },
    { headers: { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9' } },
  );
  await server.app.settle();
  const rows = await server.db.query<{ line: string }>(
    "SELECT row_to_json(e)::text AS line FROM audit.events e WHERE action = 'session.login_failed'",
  );
  assert.ok(rows.length > 0);
  for (const { line } of rows) assert.ok(!line.includes('203.0.113.9'), line);
});

test('a request id of ours stays, and any other is replaced (HDR-05)', async () => {
  const good = 'trace-0123456789_ABC.def';
  assert.equal(
    (await server.call('GET', '/health', { headers: { 'x-request-id': good } })).headers.get('x-request-id'),
    good,
  );
  const bad = [
    '',
    'short',
    'a'.repeat(65),
    'a'.repeat(10_000),
    'with space 123',
    'ünïcode-12345',
    '<script>alert(1)',
    "1' OR '1'='1",
    '../../etc/passwd',
  ];
  for (const id of bad) {
    const answer = await ask(server, 'GET /api/v1/me HTTP/1.1', 'Host: x', `X-Request-Id: ${id}`);
    assert.match(answer.headers['x-request-id'] ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-7/, id.slice(0, 20));
    assert.equal(answer.body.request_id, answer.headers['x-request-id']);
  }
});
