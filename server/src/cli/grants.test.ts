// engines: postgres
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import pg from 'pg';
import { newDatabase, PASSWORD, place, post } from './test-kit.ts';

const tail = randomBytes(4).toString('hex');
const roles = { owner: `owner_${tail}`, app: `app_${tail}`, reports: `reports_${tail}` };
let url: string;

const as = (role: string): string => {
  const one = new URL(url);
  one.username = role;
  one.password = PASSWORD;
  return one.href;
};

async function inSession<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

before(async () => {
  url = await newDatabase();
  await inSession(url, async (admin) => {
    for (const role of Object.values(roles)) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    await admin.query(`GRANT CREATE ON DATABASE "${new URL(url).pathname.slice(1)}" TO ${roles.owner}`);
  });
  const owner = await place({ DATABASE_URL: as(roles.owner) });
  const unknown = await owner.run(['migrate', 'up', '--grant-app', 'nobody_at_all']);
  assert.equal(unknown.code, 78);
  assert.match(unknown.stderr, /No such role in the database: nobody_at_all/);
  const grants = ['migrate', 'up', '--grant-app', roles.app, '--grant-readonly', roles.reports];
  assert.ok((await owner.json(grants)).applied.length >= 4);
  assert.deepEqual(await owner.json(grants), { applied: [] });
});

test('the server does all its work as a role that cannot change the schema', async () => {
  const here = await place({ DATABASE_URL: as(roles.app), MIGRATE_ON_START: 'false' });
  const doctor = await here.run(['doctor']);
  assert.match(doctor.stdout, /the role has what it takes/);
  const server = await here.serve();
  await here.json(['users', 'create', '--email=ada@example.com', '--password-stdin'], { input: `${PASSWORD}\n` });
  const login = await post(`${server.url}/api/v1/auth/login`, { email: 'ada@example.com', password: PASSWORD });
  assert.equal(login.status, 200);
  await assert.rejects(
    inSession(as(roles.app), (client) => client.query('ALTER TABLE auth.users ADD COLUMN mine text')),
    /must be owner/,
  );
  await assert.rejects(
    inSession(as(roles.app), (client) => client.query('UPDATE audit.events SET reason = null')),
    /permission denied/,
  );
  await assert.rejects(
    inSession(as(roles.app), (client) => client.query('DELETE FROM auth.migrations')),
    /permission denied/,
  );
  await assert.rejects(
    inSession(as(roles.app), (client) => client.query('CREATE TABLE auth.mine (id int)')),
    /permission denied/,
  );
});

test('the role for reports reads people and the audit log, and no secret', async () => {
  await inSession(as(roles.reports), async (client) => {
    const { rows } = await client.query('SELECT email, status FROM auth.users');
    assert.deepEqual(rows, [{ email: 'ada@example.com', status: 'active' }]);
    await client.query('SELECT count(action) FROM audit.events');
    const refused = [
      'SELECT password_hash FROM auth.users',
      'SELECT secret_hash FROM auth.sessions',
      'SELECT * FROM auth.signing_keys',
      'SELECT * FROM auth.one_time_tokens',
      'SELECT personal FROM audit.events',
      'DELETE FROM auth.users',
    ];
    for (const text of refused) await assert.rejects(client.query(text), /permission denied/, text);
  });
});
