import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import { uuidv7 } from '../../lib/id.ts';
import { as } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let call: ReturnType<typeof as>;
before(async () => {
  server = await startServer();
  admin = await server.admin();
  call = as(server, admin);
  const now = new Date(server.clock.now());
  for (let i = 0; i < 60; i++) {
    await server.db.execute(
      `INSERT INTO auth.users (id, email, name, status, email_verified_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6)`,
      [
        uuidv7(now.getTime() + i),
        `${i % 2 === 0 ? 'anna' : 'zoe'}.${String(i).padStart(2, '0')}@example.org`,
        i % 3 === 0 ? `Annabel ${i}` : `Zacharias ${i}`,
        i % 5 === 0 ? 'disabled' : 'active',
        i % 4 === 0 ? null : now,
        new Date(now.getTime() + i),
      ],
    );
  }
});

interface Row {
  id: string;
  email: string;
  name: string;
}

async function all(path: string, limit = 7): Promise<Row[]> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const answer: { status: number; body: { data: Row[]; next_cursor: string | null } } = await call(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor === null ? '' : `&cursor=${cursor}`}`,
    );
    assert.equal(answer.status, 200);
    rows.push(...answer.body.data);
    cursor = answer.body.next_cursor;
  } while (cursor !== null);
  return rows;
}

test('every order pages through all accounts, each once', async () => {
  const total = 61;
  for (const sort of ['-created_at', 'created_at', 'email', '-email']) {
    const rows = await all(`/users?sort=${sort}`);
    assert.equal(new Set(rows.map(({ id }) => id)).size, total, sort);
    assert.equal(rows.length, total);
    const keys = rows.map((row) => (sort.endsWith('email') ? row.email : row.id));
    const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1));
    assert.deepEqual(keys, sort.startsWith('-') ? sorted.reverse() : sorted, sort);
  }
});

test('a search gives the addresses that begin with it, then the names, each account once', async () => {
  const rows = await all('/users?query=ANNA', 4);
  assert.equal(rows.filter(({ email }) => email.startsWith('anna')).length, 30);
  const byName = rows.slice(30);
  assert.equal(byName.length, 10);
  assert.ok(byName.every(({ name, email }) => name.startsWith('Annabel') && email.startsWith('zoe')));
  assert.equal(new Set(rows.map(({ id }) => id)).size, 40);
  assert.deepEqual(await all('/users?query=%25'), [], 'no wildcard of SQL is one');
  assert.deepEqual(await all("/users?query=anna'--"), []);
});

test('filters narrow a list and a search', async () => {
  assert.equal((await all('/users?status=disabled')).length, 12);
  assert.equal((await all('/users?verified=false')).length, 15);
  assert.equal((await all('/users?verified=false&status=disabled')).length, 3);
  assert.deepEqual(
    (await all('/users?role=admin')).map(({ id }) => id),
    [admin.id],
  );
  assert.equal(
    (await all('/users?query=anna&status=disabled')).filter(({ email }) => email.startsWith('anna')).length,
    6,
  );
});

test('limits, cursors and orders are taken only as the contract gives them (ADM-11)', async () => {
  const { body } = await call('GET', '/users?limit=2&sort=email');
  const cursor: string = body.next_cursor;
  const flipped = `${cursor.slice(0, -2)}${cursor.endsWith('A') ? 'BB' : 'AA'}`;
  const bad = [
    'limit=0',
    'limit=-1',
    'limit=101',
    'limit=1000000000',
    'limit=x',
    'limit=1.5',
    'sort=password_hash',
    'sort=email;drop',
    'sort=id',
    'status=all',
    'role=Admin',
    'verified=maybe',
    'unknown=1',
    'query=%00',
    'query=',
    `query=${'a'.repeat(255)}`,
    'query=a&sort=email',
    'cursor=',
    'cursor=x',
    "cursor='%20OR%201=1",
    `cursor=${flipped}&sort=email`,
    `cursor=${cursor}`,
    `cursor=${cursor}&sort=-email`,
    `cursor=${Buffer.from(JSON.stringify(['x'])).toString('base64url')}`,
  ];
  for (const query of bad) {
    const answer = await call('GET', `/users?${query}`);
    assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], query);
  }
  assert.equal((await call('GET', `/users?limit=2&sort=email&cursor=${cursor}`)).status, 200);
});
