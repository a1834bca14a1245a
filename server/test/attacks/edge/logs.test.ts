// engines: postgres
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { before, test } from 'node:test';
import { createLog } from '../../../src/platform/log.ts';
import { type Answer, expect, PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { isProblem } from './oracle.ts';

const stream = new PassThrough();
let written = '';
stream.on('data', (chunk) => (written += chunk));
const { log } = createLog({
  config: { LOG_LEVEL: 'trace', LOG_FORMAT: 'json', LOG_FILE: null, LOG_MAX_SIZE: 1e9, LOG_MAX_FILES: 1 },
  stdout: stream,
});

let server: TestServer;
const secrets = new Map<string, string>();
const refusals: string[] = [];

before(async () => {
  server = await startServer({ log, env: { LOG_LEVEL: 'trace' } });
});

const keep = (name: string, value: string): string => {
  assert.ok(value.length > 8, name);
  secrets.set(name, value);
  return value;
};
const failed = (answer: Answer): Answer => {
  assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
  refusals.push(answer.text);
  return answer;
};
const lines = async (): Promise<string[]> => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  return written.trimEnd().split('\n');
};

/** A life of an account, with everything that is secret in it remembered, and everything that goes wrong as well. */
async function live(): Promise<void> {
  const email = someEmail('canary');
  const password = keep('password', 'Canary-Password-81-Heron');
  expect(await server.post('/auth/register', { email, password, name: 'Ada' }), 202);
  const verify = keep('verification token', await server.linkToken(email, '/verify-email'));
  expect(await server.post('/auth/verify-email', { token: verify }), 200);
  failed(await server.post('/auth/verify-email', { token: verify }));
  failed(await server.call('GET', `/api/v1/auth/verify-email?token=${verify}`));
  failed(await server.call('GET', `/verify-email/${verify}`));
  failed(await server.post('/auth/login', { email, password: keep('wrong password', 'Canary-Wrong-Password-55') }));
  failed(
    await server
      .post('/auth/login', { email, password, [keep('odd field', 'canary_field_name_as_value_9981')]: 1 })
      .then((a) => ({ ...a, text: '' })),
  );
  const first = expect(await server.post('/auth/login', { email, password }), 200);
  const bearer = keep('access token', first.body.access_token);
  keep('signature of the access token', bearer.split('.')[2] as string);
  keep('device token', first.body.device_token);
  keep('refresh token', first.body.refresh_token);
  const second = expect(await server.post('/auth/refresh', { refresh_token: first.body.refresh_token }), 200);
  keep('second refresh token', second.body.refresh_token);
  server.clock.advance(60);
  failed(await server.post('/auth/refresh', { refresh_token: first.body.refresh_token }));
  failed(await server.get('/me', { bearer: `${bearer}x` }));
  failed(await server.get(`/me/${bearer}`));
  const cookie = expect(await server.post('/auth/login', { email, password, session: 'cookie' }), 200);
  const csrf = keep('csrf token', cookie.body.csrf_token);
  const value = keep('cookie', cookie.headers.getSetCookie()[0]?.split(/[=;]/)[1] as string);
  const newPassword = keep('new password', 'Canary-New-Password-17-Stork');
  const headers = { 'x-csrf-token': csrf };
  const change = { current_password: password, new_password: newPassword };
  failed(await server.post('/me/password', change, { cookie: `session=${value}` }));
  expect(await server.post('/me/password', change, { cookie: `session=${value}`, headers }), 204);
  expect(await server.post('/auth/password/forgot', { email }), 202);
  const reset = keep('reset token', await server.linkToken(email, '/reset-password'));
  failed(await server.post('/auth/password/reset', { token: reset, password: '12345678' }));
  expect(
    await server.post('/auth/password/reset', {
      token: reset,
      password: keep('last password', 'Canary-Last-Password-3'),
    }),
    204,
  );
  failed(await server.post('/auth/login', undefined, { raw: `{"email":"${email}","password":"${password}"` }));
  failed(await server.call('GET', `/%${verify}`));
}

test('no secret of a whole account life is in the log, at any level (RST-09, LOG-05, RT-10)', async () => {
  await live();
  await server.app.settle();
  const text = (await lines()).join('\n');
  assert.ok(text.includes('"message":"request"'), 'there is a log');
  for (const [name, secret] of secrets) assert.ok(!text.includes(secret), `the ${name} is in the log`);
  for (const name of ['JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET'] as const) {
    for (const secret of server.config[name]) assert.ok(!text.includes(secret), name);
  }
  assert.doesNotMatch(text, /canary-\d+-[0-9a-f]+@example\.com/, 'nor is an address');
});

test('nor is one in the audit lines, in the database, in the metrics or in any error (RST-15, RT-10)', async () => {
  const tables = await server.db.query<{ name: string }>(
    `SELECT table_schema || '.' || table_name AS name FROM information_schema.tables
      WHERE table_schema IN ('auth', 'audit') AND table_type = 'BASE TABLE' AND table_name <> 'dev_inbox'`,
  );
  const places = new Map<string, string>([['errors', refusals.join('\n')]]);
  for (const { name } of tables) {
    const rows = await server.db.query<{ line: string }>(`SELECT row_to_json(t)::text AS line FROM ${name} t`);
    places.set(name, rows.map(({ line }) => line).join('\n'));
  }
  places.set('metrics', await server.app.metrics.text());
  assert.ok((places.get('audit.events') ?? '').length > 1_000);
  for (const [place, text] of places) {
    for (const [name, secret] of secrets) {
      assert.ok(!text.includes(secret), `the ${name} is in ${place}`);
      const hex = Buffer.from(secret).toString('hex');
      assert.ok(!text.includes(hex), `the ${name} is in ${place} as bytes`);
    }
  }
});

test('whatever is in a name, an agent or a path, a line of the log is one line of JSON (LOG-02, I-125)', async () => {
  const before = (await lines()).length;
  const name = 'Ada\r\n{"level":"info","message":"forged"}\u001b[31m\u2028\u202e';
  await server.post('/auth/register', { email: someEmail(), password: PASSWORD, name });
  const agent = 'evil\t{"message":"forged"} \u009b31m'; // what HTTP lets through
  await server.call('GET', '/%0d%0aforged%1b[31m', { headers: { 'user-agent': agent, referer: 'x"}' } });
  await server.post('/auth/login', { email: "a@b.c'\n\r", password: 'x' }, { headers: { 'user-agent': agent } });
  const fresh = (await lines()).slice(before);
  assert.ok(fresh.length >= 3);
  for (const line of fresh) {
    assert.equal(typeof JSON.parse(line).message, 'string');
    assert.doesNotMatch(line, /\p{Cc}/u);
    assert.notEqual(JSON.parse(line).message, 'forged');
  }
});

test('an error of the inside is a 500 with its request id and nothing else, and the log knows it by that id (LOG-05)', async () => {
  const user = await server.user();
  await server.db.script('ALTER TABLE auth.users RENAME COLUMN name TO gone');
  const answer = await server.call('PATCH', '/api/v1/me', { bearer: user.accessToken, body: { name: 'New' } });
  await server.db.script('ALTER TABLE auth.users RENAME COLUMN gone TO name');
  isProblem(answer, 500, 'internal_error');
  assert.deepEqual(Object.keys(answer.body).sort(), ['code', 'request_id', 'status', 'title', 'type']);
  const found = (await lines())
    .map((line) => JSON.parse(line))
    .filter((line) => line.request_id === answer.body.request_id);
  assert.ok(found.some(({ level }) => level === 'error'));
  assert.ok(found.some(({ message, status }) => message === 'request' && status === 500));
  assert.equal((await server.get('/me', { bearer: user.accessToken })).status, 200);
});

test('a request is one line, with its route and not its path, and the id that its sender got', async () => {
  const user = await server.user();
  const answer = await server.call('DELETE', '/api/v1/me/sessions/019abcde-0000-7000-8000-000000000001?x=1', {
    bearer: user.accessToken,
  });
  const id = answer.headers.get('x-request-id');
  const [line, ...more] = (await lines()).map((one) => JSON.parse(one)).filter(({ request_id }) => request_id === id);
  assert.equal(more.length, 0);
  assert.equal(line.route, '/api/v1/me/sessions/:id');
  assert.equal(line.user_id, user.id);
  assert.deepEqual([line.method, line.status], ['DELETE', 404]);
});
