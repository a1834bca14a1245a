import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  type Answer,
  PASSWORD,
  sessionIdOf,
  someEmail,
  startServer,
  type TestServer,
  type TestUser,
  untilRemembered,
} from '../../../test/kit.ts';
import { as, asRole } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
before(async () => {
  server = await startServer();
  admin = await server.admin();
});

interface Sending {
  type?: string;
  query?: string;
  by?: TestUser;
  headers?: Record<string, string>;
}

const send = (
  raw: string | Uint8Array,
  { type = 'application/x-ndjson', query = '', by = admin, headers = {} }: Sending = {},
): Promise<Answer> =>
  server.call('POST', `${server.config.API_PREFIX}/admin/imports${query}`, {
    raw,
    type,
    bearer: by.accessToken,
    headers,
  });
const lines = (...users: object[]): string => users.map((user) => `${JSON.stringify(user)}\n`).join('');

test('NDJSON is imported line by line, and bad lines are reported by their number', async () => {
  const email = someEmail('in');
  const answer = await send(
    `${lines({ email, password: PASSWORD, email_verified: true })}nonsense\n${lines({ email: 'no address' })}`,
  );
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual([answer.body.imported, answer.body.skipped, answer.body.failed], [1, 0, 2]);
  assert.deepEqual(
    answer.body.errors.map(({ line }: { line: number }) => line),
    [2, 3],
  );
  assert.equal((await server.post('/auth/login', { email, password: PASSWORD })).status, 200);
  assert.equal((await send(lines({ email, password: PASSWORD }))).body.skipped, 1);
  const line = (await server.audit('user.imported')).at(-1);
  assert.equal(line?.outcome, 'success');
});

test('CSV is imported, a rehearsal writes nothing, and a strict import is all or nothing', async () => {
  const [one, two] = [someEmail('csv'), someEmail('csv')];
  const csv = `email,name\r\n${one},"Lovelace, Ada"\r\n`;
  assert.equal((await send(csv, { type: 'text/csv', query: '?dry_run=true' })).body.imported, 1);
  assert.equal((await send(csv, { type: 'text/csv; charset=utf-8' })).body.imported, 1);
  assert.equal((await as(server, admin)('GET', `/users?query=${one}`)).body.data[0].name, 'Lovelace, Ada');
  assert.equal((await send(`${lines({ email: two })}nonsense\n`, { query: '?strict=true' })).body.imported, 0);
  assert.equal((await as(server, admin)('GET', `/users?query=${two}`)).body.data.length, 0);
});

test('a file gives only roles that its importer may give', async () => {
  const importer = await asRole(server, await server.user(), ['users:import']);
  const manager = await asRole(server, await server.user(), ['users:import', 'roles:write']);
  const users = () => [{ email: someEmail(), roles: ['admin'] }, { email: someEmail() }];
  for (const by of [importer, manager]) {
    const { body } = await send(lines(...users()), { by });
    assert.deepEqual([body.imported, body.failed, body.errors[0]?.line], [1, 1, 1]);
  }
  assert.equal((await send(lines(...users()))).body.imported, 2);
});

// Behind the back of the change feed: this process still remembers the importer as he was.
test('an importer whose rights were taken a moment ago writes nothing, and gives no role (ADM-08)', async () => {
  const importers = ['users:import', 'roles:write', 'users:read'];
  const email = someEmail('late');
  const given = await asRole(server, await server.user(), ['users:read']);
  const [role] = (await as(server, admin)('GET', `/users/${given.id}`)).body.roles;
  const rights = (id: string, permissions: string[]) =>
    server.db.execute(
      'UPDATE auth.roles SET permissions = $2 WHERE name = (SELECT role FROM auth.user_roles WHERE user_id = $1)',
      [id, permissions],
    );
  const remembered = async (): Promise<TestUser> => {
    const by = await asRole(server, await server.user(), importers);
    await untilRemembered(server, [by.id, sessionIdOf(by.accessToken)]);
    assert.equal((await send(lines({ email: someEmail(), roles: [role] }), { by })).body.imported, 1);
    return by;
  };
  for (const left of [['users:import'], ['users:import', 'roles:write'], ['roles:write', 'users:read']]) {
    const by = await remembered();
    await rights(by.id, left);
    assert.equal((await send(lines({ email, roles: [role] }), { by })).body.code, 'forbidden', left.join());
  }
  const denials = (await server.audit('access.denied')).filter(({ reason }) => reason === 'authority');
  assert.equal(denials.length, 3);
  const disabled = await remembered();
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  assert.equal((await send(lines({ email }), { by: disabled })).body.code, 'session_revoked');
  assert.deepEqual(await server.db.query('SELECT id FROM auth.users WHERE email = $1', [email]), []);
});

test('an import stops at the batch before which its importer was demoted, and what was written stays', async () => {
  const by = await asRole(server, await server.user(), ['users:import']);
  await server.db.execute(`CREATE FUNCTION demote() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN DELETE FROM auth.user_roles WHERE user_id = '${by.id}'; RETURN NULL; END $$`);
  await server.db.execute(
    'CREATE TRIGGER demote AFTER INSERT ON auth.users FOR EACH STATEMENT EXECUTE FUNCTION demote()',
  );
  const emails = Array.from({ length: 501 }, () => someEmail('batch'));
  const answer = await send(lines(...emails.map((email) => ({ email }))), { by });
  await server.db.execute('DROP TRIGGER demote ON auth.users');
  assert.equal(answer.body.code, 'forbidden', answer.text);
  assert.match(answer.body.detail, / 500 imported before that stay/);
  const present = await server.db.query('SELECT 1 FROM auth.users WHERE email = ANY($1::text[])', [emails]);
  assert.equal(present.length, 500);
});

test('the same key and file are imported once', async () => {
  const file = lines({ email: someEmail() });
  const headers = { 'idempotency-key': 'import-1' };
  const first = await send(file, { headers });
  assert.equal(first.body.imported, 1);
  assert.equal((await send(file, { headers })).text, first.text);
  assert.equal((await send(lines({ email: someEmail() }), { headers })).body.code, 'idempotency_key_reused');
});

test('another content type and a file beyond 32 MiB are refused, and no other route takes lines', async () => {
  for (const type of [
    'text/plain',
    'application/octet-stream',
    'multipart/form-data; boundary=x',
    'application/json',
  ]) {
    assert.equal((await send('{}', { type })).status, 415, type);
  }
  assert.equal((await send(new Uint8Array(33 * 1024 * 1024).fill(10))).body.code, 'body_too_large');
  const options = { raw: '{"email":"a@example.com"}', type: 'text/csv', bearer: admin.accessToken };
  assert.equal((await server.call('POST', `${server.config.API_PREFIX}/admin/users`, options)).status, 415);
});

test('accounts are exported as NDJSON and CSV, without hashes unless who asks holds everything', async () => {
  const call = as(server, admin);
  const ndjson = await call('GET', '/exports');
  assert.match(ndjson.headers.get('content-type') ?? '', /^application\/x-ndjson/);
  const users = ndjson.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const { length } = (await server.db.query('SELECT 1 FROM auth.users')) as unknown[];
  assert.equal(users.length, length);
  assert.ok(!ndjson.text.includes('$argon2'));
  const csv = await call('GET', '/exports?format=csv');
  assert.match(csv.headers.get('content-type') ?? '', /^text\/csv/);
  assert.ok((await call('GET', '/exports?hashes=true')).text.includes('$argon2'));
  const exporter = await asRole(server, await server.user(), ['users:export']);
  assert.equal((await as(server, exporter)('GET', '/exports')).status, 200);
  assert.equal((await as(server, exporter)('GET', '/exports?hashes=true')).body.code, 'forbidden');
  assert.equal((await server.audit('user.exported')).length, 4);
});
