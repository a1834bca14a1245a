import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../../../test/kit.ts';
import { exportUsers, type ImportOptions, type ImportResult, importUsers } from './index.ts';

const server = await startServer();
const { db, unit, passwords, clock } = server.app.house;
const origin = { requestId: 'import-test', address: '', userAgent: '', now: clock.now() };

function bring(text: string, options: Partial<ImportOptions> = {}): Promise<ImportResult> {
  const lines = (async function* () {
    yield* text.split('\n');
  })();
  return importUsers({ db, unit, passwords, clock }, lines, {
    format: 'ndjson',
    actor: { type: 'system' },
    origin,
    ...options,
  });
}

const line = (fields: object): string => JSON.stringify(fields);

test('what a line says is what the user is, and the password gets in', async () => {
  const password = 'Quokka-lantern-42-violet';
  const user = {
    id: '019365a2-0000-7000-8000-000000000001',
    email: 'Ada@EXAMPLE.com',
    email_verified: true,
    name: 'Ada',
    locale: 'de',
    roles: ['admin'],
    created_at: '2020-01-02T03:04:05Z',
    password,
  };
  assert.deepEqual(await bring(line(user)), { imported: 1, skipped: 0, failed: 0, errors: [] });
  const login = await server.post('/auth/login', { email: 'ada@example.com', password });
  assert.equal(login.status, 200);
  const { id, roles, name, locale, created_at: createdAt } = login.body.user;
  assert.deepEqual([id, roles, name, locale, createdAt], [user.id, ['admin'], 'Ada', 'de', '2020-01-02T03:04:05.000Z']);
  const [audited] = await server.audit('user.imported');
  assert.equal(audited?.subject_id, user.id);
});

test('each bad line is left out with its number, its field and the reason, and the good ones come in', async () => {
  const cases: [string, string | undefined, RegExp][] = [
    ['not json', undefined, /is not JSON/],
    ['[1]', undefined, /is not a JSON object/],
    ['{"email":"a@example.com","email":"b@example.com"}', undefined, /same key twice/],
    ['{"email":"a@example.com","__proto__":{}}', undefined, /is not JSON that can be used/],
    [line({ name: 'nobody' }), 'email', /e-mail address/],
    [line({ email: 5 }), 'email', /is not a text/],
    [line({ email: 'a@example.com', name: 'x\u0000' }), undefined, /is not JSON that can be used/],
    [line({ email: 'a@example.com', name: 'x\u202ey' }), 'name', /invisible/],
    [line({ email: 'a@example.com', email_verified: 'perhaps' }), 'email_verified', /neither true nor false/],
    [line({ email: 'a@example.com', roles: ['nosuch'] }), 'roles', /no role here/],
    [line({ email: 'a@example.com', roles: [5] }), 'roles', /list of names/],
    [line({ email: 'a@example.com', created_at: '2999-01-01T00:00:00Z' }), 'created_at', /future/],
    [line({ email: 'a@example.com', created_at: '2020-01-01' }), 'created_at', /not a time/],
    [line({ email: 'a@example.com', id: '00000000-0000-0000-0000-000000000000' }), 'id', /not a UUID/],
    [line({ email: 'a@example.com', picture: 'javascript:alert(1)' }), 'picture', /https/],
    [line({ email: 'a@example.com', locale: '../x' }), 'locale', /language tag/],
    [line({ email: 'a@example.com', password: 'password1' }), 'password', /guessed first/],
    [
      line({
        email: 'a@example.com',
        password: 'Quokka-lantern-42',
        password_hash: '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy',
      }),
      'password',
      /one of the two/,
    ],
    [
      line({ email: 'a@example.com', password_hash: 'e10adc3949ba59abbe56e057f20f883e' }),
      'password_hash',
      /not supported/,
    ],
    [
      line({
        email: 'a@example.com',
        password_hash: '$argon2id$v=19$m=9999999,t=3,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
      }),
      'password_hash',
      /m is over/,
    ],
    [line({ email: 'a@example.com', name: 'x'.repeat(70_000) }), undefined, /longer than 64 KiB/],
    [line({ email: 'a@example.com', is_admin: true }), 'is_admin', /is no field/],
  ];
  const result = await bring([...cases.map(([text]) => text), line({ email: 'good@example.com' })].join('\n'));
  assert.deepEqual([result.imported, result.failed], [1, cases.length]);
  const found = new Map(result.errors.map((error) => [error.line, error]));
  cases.forEach(([text, field, message], index) => {
    assert.equal(found.get(index + 1)?.field, field, text.slice(0, 80));
    assert.match(found.get(index + 1)?.message ?? '', message);
  });
});

test('who is here already is skipped and stays as they are; so is who comes twice', async () => {
  const result = await bring(
    [
      line({ email: 'good@example.com', name: 'Other' }),
      line({ email: 'twice@example.com' }),
      line({ email: 'TWICE@example.com' }),
    ].join('\n'),
  );
  assert.deepEqual([result.imported, result.skipped], [1, 2]);
  const rows = await db.query<{ name: string | null }>("SELECT name FROM auth.users WHERE email = 'good@example.com'");
  assert.equal(rows[0]?.name, null);
});

test('a rehearsal counts as the import would and writes nothing; a strict import with a bad line writes nothing either', async () => {
  const text = [
    line({ email: 'dry@example.com' }),
    line({ email: 'dry@example.com' }),
    line({ email: 'good@example.com' }),
  ].join('\n');
  assert.deepEqual(await bring(text, { dryRun: true }), { imported: 1, skipped: 2, failed: 0, errors: [] });
  assert.equal((await bring(`${text}\n{}`, { strict: true })).imported, 0);
  assert.equal((await bring(text, { strict: true })).imported, 1);
});

test('an importer cannot give what he may not give', async () => {
  const result = await bring(line({ email: 'climber@example.com', roles: ['admin'] }), { mayGrant: () => false });
  assert.deepEqual(result.errors, [{ line: 1, field: 'roles', message: 'names admin, which you may not give' }]);
});

test('a CSV without a head that can be relied on is refused as a whole', async () => {
  for (const head of ['email,nickname', 'name', 'email,email', '"email']) {
    await assert.rejects(bring(`${head}\nx@example.com,x`, { format: 'csv' }), { code: 'validation_failed' });
  }
});

test('batches are written one by one, and what was written stays when the input breaks off', async () => {
  const broken = (async function* () {
    for (let index = 0; index < 1_200; index++) yield line({ email: `many${index}@example.com` });
    throw new Error('the pipe broke');
  })();
  const seen: number[] = [];
  const options: ImportOptions = {
    format: 'ndjson',
    actor: { type: 'system' },
    origin,
    onProgress: ({ lines }) => seen.push(lines),
  };
  await assert.rejects(importUsers({ db, unit, passwords, clock }, broken, options), /the pipe broke/);
  assert.deepEqual(seen, [500, 1000]);
  const text = Array.from({ length: 1_200 }, (_, index) => line({ email: `many${index}@example.com` })).join('\n');
  const again = await bring(text);
  assert.deepEqual([again.imported, again.skipped], [200, 1000]);
});

test('an export holds every user once, hashes only when asked for, and an import takes it', async () => {
  const all = async (format: 'ndjson' | 'csv', withHashes: boolean): Promise<string> => {
    let text = '';
    for await (const chunk of exportUsers(db, { format, withHashes })) text += chunk;
    return text;
  };
  const plain = await all('ndjson', false);
  assert.doesNotMatch(plain, /argon2/);
  const [count] = await db.query<{ count: number }>('SELECT count(*) AS count FROM auth.users');
  assert.equal(plain.trimEnd().split('\n').length, count?.count);
  assert.match(await all('csv', true), /\$argon2id\$/);
  const rehearsal = await bring((await all('csv', true)).replaceAll('\r\n', '\n'), { format: 'csv', dryRun: true });
  assert.deepEqual([rehearsal.imported, rehearsal.skipped, rehearsal.failed], [0, count?.count, 0]);
});
