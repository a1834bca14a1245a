// engines: postgres
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeAt, stepAt } from '../core/factors/index.ts';
import { newDatabase, PASSWORD, type Place, place, post } from './test-kit.ts';

let here: Place;
let api: string;

before(async () => {
  here = await place({ DATABASE_URL: await newDatabase() });
});

test('without its tables every command says to migrate, and so does a server that may not do it itself', async () => {
  const [list, serve, status] = await Promise.all([
    here.run(['users', 'list']),
    here.run(['serve'], { env: { MIGRATE_ON_START: 'false' } }),
    here.run(['migrate', 'status']),
  ]);
  assert.equal(list.code, 69);
  assert.match(list.stderr, /Run `auth-api migrate up` first/);
  assert.equal(serve.code, 69);
  assert.match(serve.stderr, /Run `auth-api migrate up`/);
  assert.equal(status.code, 1);
});

test('migrate applies what is missing, once', async () => {
  const first = await here.json(['migrate', 'up']);
  assert.ok(first.applied.length >= 4);
  assert.deepEqual(await here.json(['migrate', 'up']), { applied: [] });
  assert.equal((await here.run(['migrate', 'status'])).code, 0);
});

test('what a command changes, the running server knows within a second', async () => {
  const server = await here.serve();
  api = `${server.url}/api/v1`;
  const { user } = await here.json(['users', 'create', '--email=ada@example.com', '--password-stdin'], {
    input: `${PASSWORD}\n`,
  });
  await here.json(['users', 'create', '--email=root@example.com', '--admin']);
  const login = await post(`${api}/auth/login`, { email: 'ada@example.com', password: PASSWORD });
  assert.equal(login.status, 200);
  const me = (): Promise<number> =>
    fetch(`${api}/me`, { headers: { authorization: `Bearer ${login.body.access_token}` } }).then(
      (answer) => answer.status,
    );
  assert.equal(await me(), 200);
  assert.equal((await here.json(['users', 'sessions', user.id])).data.length, 1);
  await here.json(['users', 'disable', 'ada@example.com', '--reason=a test']);
  await sleep(1_000);
  assert.equal(await me(), 401);
  assert.equal((await here.json(['users', 'enable', 'ada@example.com'])).status, 'active');
});

test('lost second factors are taken from an account by reset-mfa, with a reason', async () => {
  const credentials = { email: 'ada@example.com', password: PASSWORD };
  const login = await post(`${api}/auth/login`, credentials);
  const as = { authorization: `Bearer ${login.body.access_token}`, 'content-type': 'application/json' };
  const call = async (path: string, body: object) =>
    (await fetch(`${api}${path}`, { method: 'POST', headers: as, body: JSON.stringify(body) })).json();
  const { secret } = (await call('/me/mfa/totp', {})) as { secret: string };
  await call('/me/mfa/totp/confirm', { code: codeAt(secret, stepAt(Date.now())) });
  assert.equal((await post(`${api}/auth/login`, credentials)).body.status, 'mfa_required');
  assert.equal((await here.run(['users', 'reset-mfa', 'ada@example.com'])).code, 64, 'no reason');
  await here.json(['users', 'reset-mfa', 'ada@example.com', '--reason=lost the phone']);
  assert.equal((await post(`${api}/auth/login`, credentials)).body.status, 'complete');
  assert.equal((await here.run(['users', 'reset-mfa', 'ada@example.com', '--reason=again'])).code, 1);
});

test('a link instead of a password lets its owner choose one', async () => {
  const { user, link } = await here.json(['users', 'create', '--email=eve@example.com', '--name=Eve']);
  assert.equal(user.has_password, false);
  const token = decodeURIComponent(link.split('#token=')[1]);
  assert.equal((await post(`${api}/auth/password/reset`, { token, password: PASSWORD })).status, 204);
  assert.equal((await post(`${api}/auth/login`, { email: 'eve@example.com', password: PASSWORD })).status, 200);
});

test('the last administrator can be neither disabled nor deleted nor demoted', async () => {
  const tries = [
    ['disable', 'root@example.com'],
    ['delete', 'root@example.com', '--yes'],
    ['roles', 'root@example.com', '--set=-'],
  ];
  for (const { code, stderr } of await Promise.all(tries.map((words) => here.run(['users', ...words])))) {
    assert.equal(code, 1);
    assert.match(stderr, /last active administrator/);
  }
  assert.deepEqual((await here.json(['users', 'roles', 'eve@example.com', '--add=admin'])).roles, ['admin']);
  assert.deepEqual((await here.json(['users', 'roles', 'root@example.com', '--set=-'])).roles, []);
});

test('deleting asks to be said twice, and refusals leave everything as it was', async () => {
  assert.equal((await here.run(['users', 'delete', 'root@example.com'])).code, 64);
  assert.equal((await here.run(['users', 'show', 'root@example.com'])).code, 0);
  await here.json(['users', 'delete', 'root@example.com', '--yes']);
  assert.equal((await here.run(['users', 'show', 'root@example.com'])).code, 1);
});

test('a rotated key signs what the server gives out from then on, and a revoked one is refused', async () => {
  const before = (await here.json(['keys', 'list'])).data[0].kid;
  const { kid } = await here.json(['keys', 'rotate', '--now']);
  await sleep(1_000);
  const login = await post(`${api}/auth/login`, { email: 'eve@example.com', password: PASSWORD });
  const header = JSON.parse(Buffer.from(login.body.access_token?.split('.')[0] ?? '', 'base64url').toString());
  assert.equal(header.kid, kid);
  assert.notEqual(kid, before);
  await here.json(['keys', 'revoke', kid]);
  assert.equal((await here.run(['keys', 'revoke', kid])).code, 1);
  await sleep(1_000);
  const answer = await fetch(`${api}/me`, { headers: { authorization: `Bearer ${login.body.access_token}` } });
  assert.equal(answer.status, 401);
});

test('every change names the system, the command and who typed it in the audit log, and the log is whole', async () => {
  await sleep(1_500);
  const { data } = await here.json(['audit', 'search', '--action=user.*', '--limit=100']);
  const done = new Map(
    data
      .filter((one: { actor: { type: string } }) => one.actor.type === 'system')
      .map((one: { action: string; detail: object }) => [one.action, one.detail]),
  );
  for (const action of [
    'user.created_by_admin',
    'user.disabled',
    'user.enabled',
    'user.roles_changed',
    'user.deleted',
  ]) {
    const detail = done.get(action) as { command: string; os_user: string };
    assert.match(detail.command, /^users /);
    assert.ok(detail.os_user.length > 0);
  }
  const report = await here.json(['audit', 'verify']);
  assert.equal(report.ok, true);
  const head = `${report.head.seq}:${report.head.hash}`;
  assert.equal((await here.run(['audit', 'verify', `--checkpoint=${head}`])).code, 0);
  const further = await here.run(['audit', 'verify', `--checkpoint=${report.head.seq + 1000}:${'0'.repeat(64)}`]);
  assert.equal(further.code, 1);
  assert.match(further.stdout, /cut_off/);
});

test('the doctor finds nothing to fail on, and health says that the server is well', async () => {
  const { findings } = await here.json(['doctor']);
  const checks = new Map(findings.map((one: { check: string; status: string }) => [one.check, one.status]));
  for (const check of [
    'database',
    'clock',
    'connections',
    'migrations',
    'signing keys',
    'audit',
    'outbox',
    'mail',
    'cache',
    'node',
    'disk',
    'permissions',
  ]) {
    assert.equal(checks.get(check), 'ok', check);
  }
  assert.equal((await here.run(['health', '--ready'])).code, 0);
});

test('another ENCRYPTION_KEY than the data was made with is told as that, by the doctor and by the start', async () => {
  const env = { ENCRYPTION_KEY: randomBytes(32).toString('base64') };
  const [doctor, serve] = await Promise.all([here.run(['doctor'], { env }), here.run(['serve'], { env })]);
  assert.equal(doctor.code, 1);
  assert.match(doctor.stdout, /^fail {2}signing keys +ENCRYPTION_KEY does not open the keys/m);
  assert.equal(serve.code, 78);
  assert.match(serve.stderr, /ENCRYPTION_KEY does not open what the database holds/);
});
