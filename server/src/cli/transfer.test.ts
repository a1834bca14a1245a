// engines: postgres
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { newDatabase, type Place, place } from './test-kit.ts';

let here: Place;

before(async () => {
  here = await place({ DATABASE_URL: await newDatabase() });
  assert.equal((await here.run(['migrate', 'up'])).code, 0);
});

test('users go out and come back in with their passwords, into another database', async () => {
  const file = join(here.folder, 'all.csv');
  const hash = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';
  const users = [
    {
      email: 'ada@example.com',
      name: '=Ada, "the" first',
      roles: ['admin'],
      email_verified: true,
      password_hash: hash,
    },
    { email: 'eve@example.com', disabled: true, locale: 'de', created_at: '2020-02-03T04:05:06.789Z' },
  ];
  const input = users.map((user) => JSON.stringify(user)).join('\n');
  assert.equal((await here.json(['users', 'import', '-', '--format=ndjson'], { input })).imported, 2);
  assert.equal((await here.run(['users', 'export', '--format=csv', '--with-hashes', `--out=${file}`])).code, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await here.run(['users', 'export', `--out=${file}`])).code, 1);
  const other = await newDatabase();
  assert.equal((await here.run(['migrate', 'up'], { env: { DATABASE_URL: other } })).code, 0);
  assert.deepEqual(await here.json(['users', 'import', file], { env: { DATABASE_URL: other } }), {
    dry_run: false,
    imported: 2,
    skipped: 0,
    failed: 0,
    errors: [],
  });
  const again = await here.run(['users', 'export', '--format=csv', '--with-hashes'], { env: { DATABASE_URL: other } });
  assert.equal(again.stdout, readFileSync(file, 'utf8'));
});

test('an import names its bad lines and ends with 65; a rehearsal and a strict one write nothing', async () => {
  const file = join(here.folder, 'some.ndjson');
  writeFileSync(file, '{"email":"new@example.com"}\n{"email":"nobody"}\n\n{"email":"eve@example.com"}\n{broken\n');
  for (const flag of ['--dry-run', '--strict']) {
    assert.equal((await here.run(['users', 'import', file, flag])).code, 65);
    assert.equal((await here.run(['users', 'show', 'new@example.com'])).code, 1);
  }
  const { code, stdout, stderr } = await here.run(['users', 'import', file]);
  assert.equal(code, 65);
  assert.match(stderr, /line 2: email is not one plain e-mail address\nline 5: is not JSON/);
  assert.match(stdout, /^1 imported, 1 skipped \(here already\), 2 bad lines/);
});

test('the embedded database moves into PostgreSQL whole, once, and only while nobody serves it', async () => {
  const small = await place();
  const { user } = await small.json(['users', 'create', '--email=ada@example.com', '--admin']);
  const to = await newDatabase();
  const { tables } = await small.json(['data', 'move', '--to=-'], { input: to });
  const rows = new Map(tables.map((one: { table: string; rows: number }) => [one.table, one.rows]));
  assert.equal(rows.get('auth.users'), 1);
  assert.equal(rows.get('auth.user_roles'), 1);
  assert.equal(rows.get('audit.inbox'), 1);
  const moved = await small.json(['users', 'show', 'ada@example.com'], { env: { DATABASE_URL: to } });
  assert.deepEqual(moved, user);
  const again = await small.run(['data', 'move', `--to=${to}`]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /not empty.*nothing was moved/);
});
