// engines: embedded
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PASSWORD, place, post } from './test-kit.ts';

const here = await place();
const server = await here.serve();
const api = `${server.url}/api/v1`;

test('a first start says what it does, and where everything is', () => {
  assert.match(server.output(), /Making the embedded database …\nMigrating the database \(\d steps\) …/);
  assert.match(server.output(), /first administrator \(works once\): +http/);
});

test('commands reach the running server’s database through its socket, which is its owner’s alone', async () => {
  assert.equal(statSync(join(here.folder, 'data', 'server.sock')).mode & 0o777, 0o600);
  await here.json(['users', 'create', '--email=ada@example.com', '--admin', '--password-stdin'], { input: PASSWORD });
  const login = await post(`${api}/auth/login`, { email: 'ada@example.com', password: PASSWORD });
  assert.equal(login.status, 200);
  const me = (): Promise<number> =>
    fetch(`${api}/me`, { headers: { authorization: `Bearer ${login.body.access_token}` } }).then(
      (answer) => answer.status,
    );
  assert.equal(await me(), 200);
  await here.json(['users', 'revoke', 'ada@example.com']);
  await sleep(1_000);
  assert.equal(await me(), 401);
  assert.equal((await here.run(['setup-link'])).code, 1);
});

test('an import through the socket and the server’s own work do not hinder each other', async () => {
  const lines = Array.from({ length: 2_000 }, (_, index) =>
    JSON.stringify({ email: `user${index}@example.com`, name: `Name ${index}` }),
  );
  writeFileSync(join(here.folder, 'users.ndjson'), lines.join('\n'));
  const importing = here.json(['users', 'import', 'users.ndjson']);
  const login = await post(`${api}/auth/login`, { email: 'ada@example.com', password: PASSWORD });
  assert.equal(login.status, 200);
  assert.equal((await importing).imported, 2_000);
  const { stdout } = await here.run(['users', 'export']);
  assert.equal(stdout.trimEnd().split('\n').length, 2_001);
});

test('the doctor looks through the socket too, and repeats what a power cut does', async () => {
  const { ok, findings } = await here.json(['doctor']);
  assert.equal(ok, true);
  const of = (check: string): string => findings.find((one: { check: string }) => one.check === check)?.message ?? '';
  assert.match(of('database'), /embedded, through the running server/);
  assert.match(of('durability'), /not a power cut/);
});

test('a second server is refused with the first one’s number, and data cannot be moved from under it', async () => {
  const pid = /process (\d+)/;
  const second = await here.run(['serve']);
  assert.equal(second.code, 69);
  assert.match(second.stderr, pid);
  assert.equal(spawnSync('kill', ['-0', pid.exec(second.stderr)?.[1] as string]).status, 0);
  const move = await here.run(['data', 'move', '--to=postgres://me@127.0.0.1:1/x']);
  assert.equal(move.code, 69);
  assert.match(move.stderr, /Stop it first/);
});

test('after a stop the commands open the database themselves', async () => {
  await server.stop();
  const user = await here.json(['users', 'show', 'ada@example.com']);
  assert.deepEqual(user.roles, ['admin']);
  assert.equal((await here.run(['health'])).code, 69);
});
