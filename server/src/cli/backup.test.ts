// engines: postgres
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import pg from 'pg';
import { atEnd } from '../../test/programs.ts';
import { newDatabase, PASSWORD, type Place, place, post, SERVER } from './test-kit.ts';

let here: Place;
let live: string;
let manifest: { name: string; tables: { table: string; rows: number }[] } & Record<string, unknown>;

async function query<Row>(text: string, database = live): Promise<Row[]> {
  const client = new pg.Client({ connectionString: Object.assign(new URL(SERVER), { pathname: `/${database}` }).href });
  await client.connect();
  return client
    .query(text)
    .then(({ rows }) => rows as Row[])
    .finally(() => client.end());
}

/** What a restore leaves: the same rows under another name. */
async function restored(): Promise<string> {
  const name = `restored_${randomBytes(6).toString('hex')}`;
  await query(`CREATE DATABASE ${name} TEMPLATE ${live}`, 'postgres');
  atEnd(() => query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, 'postgres').then(() => undefined));
  return name;
}

const prove = (database: string, words: string[] = [], env: Record<string, string> = {}) =>
  here.run(['backup', 'prove', `--database=${database}`, '--manifest=manifest.json', ...words], { env });

before(async () => {
  const url = await newDatabase();
  live = new URL(url).pathname.slice(1);
  here = await place({ DATABASE_URL: url });
  await here.json(['migrate', 'up']);
  await here.json(['users', 'create', '--email=ada@example.com', '--password-stdin'], { input: `${PASSWORD}\n` });
  const server = await here.serve();
  const login = await post(`${server.url}/api/v1/auth/login`, { email: 'ada@example.com', password: PASSWORD });
  assert.equal(login.status, 200);
  await new Promise((sealed) => setTimeout(sealed, 1_500));
  await server.stop();
  const tables = [];
  for (const table of ['auth.users', 'auth.sessions', 'audit.events'])
    tables.push({ table, rows: Number((await query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n) });
  manifest = {
    format: 1,
    name: 'auth_db_20260131T020000Z',
    as_of: new Date().toISOString(),
    schema_version: 6,
    tables,
    dump: { sha256: 'a'.repeat(64) },
  };
  writeFileSync(join(here.folder, 'manifest.json'), JSON.stringify(manifest));
  writeFileSync(join(here.folder, 'canary.txt'), `${PASSWORD}\n`);
});

test('where no restore was ever proven, verify says so and ends with 1', async () => {
  const never = await here.run(['backup', 'verify']);
  assert.equal(never.code, 1);
  assert.match(never.stderr, /No restore was ever proven/);
  assert.equal((await here.run(['backup', 'verify', '--max-age=soon'])).code, 64);
});

test('a restored database that is what was backed up passes every check, and that is kept', async () => {
  const done = await prove(await restored(), [
    '--canary=ada@example.com',
    '--canary-password-file=canary.txt',
    '--json',
  ]);
  assert.equal(done.code, 0, done.stdout + done.stderr);
  const { ok, checks } = JSON.parse(done.stdout);
  assert.ok(ok);
  const names = checks.map((one: { name: string }) => one.name);
  assert.deepEqual(names, ['schema', 'rows', 'keys', 'passwords', 'audit', 'session', 'sign-in', 'canary']);
  const verify = await here.json(['backup', 'verify', '--max-age=1h']);
  assert.equal(verify.proven.backup, manifest.name);
  assert.equal(verify.failed_since, null);
  assert.match((await here.run(['backup', 'verify'])).stdout, /backup: +auth_db_20260131T020000Z/);
  const lines = await query<{ outcome: string; detail: object }>(
    "SELECT outcome, detail FROM audit.inbox WHERE action = 'backup.proven'",
  );
  assert.deepEqual(
    lines.map(({ outcome, detail }) => [outcome, (detail as { backup: string }).backup]),
    [['success', manifest.name]],
  );
});

test('proving changes nothing that is live: neither its sessions nor its accounts', async () => {
  const count = 'SELECT (SELECT count(*) FROM auth.users) AS users, (SELECT count(*) FROM auth.sessions) AS sessions';
  const counts = await query(count);
  assert.equal((await prove(await restored())).code, 0);
  assert.deepEqual(await query(count), counts);
  const itself = await prove(live);
  assert.equal(itself.code, 64);
  assert.match(itself.stderr, /That is the live database/);
  assert.deepEqual(await query(count), counts);
});

test('lost rows, a wrong key, an altered chain: each is found, kept, and told by verify', async () => {
  const poor = await restored();
  await query(
    "DELETE FROM auth.sessions; ALTER TABLE audit.events DISABLE TRIGGER ALL; UPDATE audit.events SET reason = 'x' WHERE seq = 1",
    poor,
  );
  const lost = await prove(poor, ['--read-only']);
  assert.equal(lost.code, 1);
  assert.match(lost.stdout, /fail {2}rows .*auth\.sessions has 0 rows, the backup 1/);
  assert.match(lost.stdout, /fail {2}audit .*changed at 1/);
  const verify = await here.run(['backup', 'verify']);
  assert.equal(verify.code, 0, 'the proof before still stands');
  assert.match(verify.stdout, /The latest try failed[\s\S]*rows: /);

  const key = randomBytes(32).toString('base64url');
  const locked = await prove(await restored(), ['--unrecorded'], { ENCRYPTION_KEY: key });
  assert.equal(locked.code, 1);
  assert.match(locked.stdout, /fail {2}keys/);
});

test('a proof grows old', async () => {
  await query("UPDATE auth.restore_proofs SET at = at - interval '36 days'");
  const old = await here.run(['backup', 'verify']);
  assert.equal(old.code, 1);
  assert.match(old.stderr, /too long ago/);
  assert.equal((await here.run(['backup', 'verify', '--max-age=6w'])).code, 0);
});

test('what is no manifest is refused before any database is asked', async () => {
  for (const text of ['', '{}', JSON.stringify({ ...manifest, tables: [{ table: 'auth.users; DROP', rows: 1 }] })]) {
    const refused = await here.run(['backup', 'prove', '--database=nowhere', '--manifest=-'], { input: text });
    assert.equal(refused.code, 65);
    assert.match(refused.stderr, /is no manifest of backup-db\.sh/);
  }
  assert.equal((await here.run(['backup', 'prove', '--manifest=manifest.json'])).code, 64);
  assert.equal((await prove('nowhere')).code, 69);
});

test('of the embedded database there are no dumps, and the command says what there is', async () => {
  const embedded = await place();
  const { code, stderr } = await embedded.run(['backup', 'verify']);
  assert.equal(code, 78);
  assert.match(stderr, /embedded one.*copy DATA_DIR as a whole; or .*data move/);
});
