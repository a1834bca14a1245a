// engines: none
import assert from 'node:assert/strict';
import { chownSync, copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, mock, test } from 'node:test';
import { openDatabase } from '../../src/platform/db/index.ts';
import { testConfig } from '../kit.ts';
import { databaseUser, type PrivatePostgres, scratchFolder, startPostgres } from '../programs.ts';
import { type Issued, makeAuthority } from './certificates.ts';
import { openServer } from './tools.ts';

const PASSWORD = 'kT8-database-pass';
const authority = makeAuthority();
const stranger = makeAuthority('A stranger');
const certified = authority.issue('client', { commonName: 'certified', names: '' });
const folder = scratchFolder();
let postgres: PrivatePostgres;
let parts: Record<string, string>;

/** Files that the database reads are its own. */
function give(path: string): string {
  const user = databaseUser();
  if (user) chownSync(path, user.uid, user.gid);
  return path;
}

function install({ key, cert }: Issued): void {
  copyFileSync(key, join(folder, 'server.key'));
  copyFileSync(cert, join(folder, 'server.crt'));
  for (const name of ['server.key', 'server.crt']) give(join(folder, name));
}

const HBA = `
host    all postgres  127.0.0.1/32 trust
hostssl all certified 127.0.0.1/32 cert
hostssl all only_tls  127.0.0.1/32 scram-sha-256
host    all auth_app  127.0.0.1/32 scram-sha-256
host    all auth_owner 127.0.0.1/32 scram-sha-256
`;

before(async () => {
  give(folder);
  install(authority.issue('database'));
  writeFileSync(join(folder, 'hba.conf'), HBA);
  copyFileSync(authority.ca, join(folder, 'ca.crt'));
  const files = {
    hba_file: 'hba.conf',
    ssl_cert_file: 'server.crt',
    ssl_key_file: 'server.key',
    ssl_ca_file: 'ca.crt',
  };
  const settings = Object.entries(files).map(([name, file]) => [name, give(join(folder, file))]);
  postgres = await startPostgres({ ssl: 'on', fsync: 'off', ...Object.fromEntries(settings) });
  for (const role of ['auth_app', 'auth_owner', 'only_tls', 'certified']) {
    await postgres.sql(`CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    await postgres.sql(`CREATE DATABASE db_${role} OWNER ${role}`);
  }
  parts = {
    DB_HOST: 'localhost',
    DB_PORT: `${postgres.port}`,
    DB_NAME: 'db_only_tls',
    DB_USER: 'only_tls',
    DB_PASSWORD: PASSWORD,
  };
});

/** How the application stands at the database with these settings; the server is closed again. */
async function standing(env: Record<string, string>): Promise<{ user: string; database: string; tls: boolean }> {
  const server = await openServer(env);
  const rows = await server.app.house.db.query<{ user: string; database: string; tls: boolean }>(
    'SELECT current_user::text AS user, current_database()::text AS database, ssl AS tls FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
  );
  await server.close();
  return rows[0] as (typeof rows)[0];
}

/** The messages and codes of an error and of what caused it. */
async function refusal(env: Record<string, string>): Promise<string> {
  let error: unknown = await openServer(env).then(
    () => null,
    (reason: unknown) => reason,
  );
  const words: string[] = [];
  for (; error instanceof Error; error = error.cause)
    words.push(`${error.message} ${(error as { code?: string }).code}`);
  return words.join(' ');
}

test('the parts DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD name the database', async () => {
  const plain = { ...parts, DB_NAME: 'db_auth_app', DB_USER: 'auth_app' };
  assert.deepEqual(await standing(plain), { user: 'auth_app', database: 'db_auth_app', tls: false });
  assert.match(await refusal({ ...plain, DB_PASSWORD: 'kT8-another-pass' }), /28P01/);
  assert.match(await refusal({ ...plain, DB_NAME: 'db_nowhere' }), /3D000/);
});

test('DATABASE_URL wins over the parts, which fill its gaps', async () => {
  const env = {
    ...parts,
    DB_HOST: 'nowhere.invalid',
    DB_PORT: '1',
    DATABASE_URL: `postgres://auth_app@127.0.0.1:${postgres.port}/db_auth_app`,
  };
  assert.deepEqual(await standing(env), { user: 'auth_app', database: 'db_auth_app', tls: false });
});

test('DB_SSL encrypts, and verifies with DB_SSL_CA_PATH', async () => {
  assert.match(await refusal(parts), /28000/, 'this role may not come in plain text');
  const env = { ...parts, DB_SSL: 'true', DB_SSL_CA_PATH: authority.ca };
  assert.deepEqual(await standing(env), { user: 'only_tls', database: 'db_only_tls', tls: true });
  assert.match(
    await refusal({ ...parts, DB_SSL: 'true' }),
    /UNABLE_TO|SELF_SIGNED/,
    'the public authorities do not know it',
  );
  assert.match(await refusal({ ...env, DB_SSL_CA_PATH: stranger.ca }), /UNABLE_TO|SELF_SIGNED|CERT_SIGNATURE/);
});

test('outside production DB_SSL_REJECT_UNAUTHORIZED=false takes any certificate', async () => {
  const env = { ...parts, DB_SSL: 'true', DB_SSL_REJECT_UNAUTHORIZED: 'false' };
  assert.equal((await standing(env)).tls, true);
});

test('a certificate for another name is refused, also where the host is an address', async () => {
  const env = { ...parts, DB_SSL: 'true', DB_SSL_CA_PATH: authority.ca };
  const serve = async (names: string): Promise<void> => {
    install(authority.issue('database', { commonName: 'database', names }));
    await postgres.sql('SELECT pg_reload_conf()');
    await new Promise((done) => setTimeout(done, 200));
  };
  await serve('DNS:localhost');
  assert.equal((await standing(env)).tls, true);
  assert.match(await refusal({ ...env, DB_HOST: '127.0.0.1' }), /ERR_TLS_CERT_ALTNAME_INVALID/);
  await serve('IP:127.0.0.1');
  assert.equal((await standing({ ...env, DB_HOST: '127.0.0.1' })).tls, true);
  assert.match(await refusal(env), /ERR_TLS_CERT_ALTNAME_INVALID/);
  await serve('DNS:localhost,IP:127.0.0.1');
});

test('DB_SSL_CERT_PATH and DB_SSL_KEY_PATH sign in where the database asks for a certificate', async () => {
  const env = { ...parts, DB_USER: 'certified', DB_NAME: 'db_certified', DB_SSL: 'true', DB_SSL_CA_PATH: authority.ca };
  const own = { DB_SSL_CERT_PATH: certified.cert, DB_SSL_KEY_PATH: certified.key };
  assert.deepEqual(await standing({ ...env, ...own }), { user: 'certified', database: 'db_certified', tls: true });
  assert.match(await refusal(env), /28000/);
});

test('a process opens at most DB_POOL_MAX connections, and keeps DB_POOL_MIN of them', async () => {
  const config = await testConfig({
    DATABASE_URL: `postgres://auth_app:${PASSWORD}@127.0.0.1:${postgres.port}/db_auth_app`,
    DB_POOL_MIN: '2',
    DB_POOL_MAX: '5',
  });
  const db = await openDatabase(config, 'serve', () => undefined);
  const open = async (): Promise<number> => {
    const rows = await postgres.sql("SELECT 1 FROM pg_stat_activity WHERE usename = 'auth_app'");
    return rows.length;
  };
  mock.timers.enable({ apis: ['setTimeout'] }); // half a minute of rest
  const work = Array.from({ length: 20 }, () => db.query('SELECT pg_sleep(0.05)'));
  let most = 0;
  const all = Promise.all(work).then(() => true);
  for (let isOver: boolean | null = false; !isOver; isOver = await Promise.race([all, open().then(() => null)]))
    most = Math.max(most, await open());
  assert.equal(most, 5);
  mock.timers.tick(31_000);
  mock.timers.reset();
  for (let tries = 0; tries < 100 && (await open()) > 2; tries++) await new Promise((done) => setTimeout(done, 10));
  assert.equal(await open(), 2);
  await db.close();
});

test('migrating and listening go through DATABASE_DIRECT_URL, everything else does not', async () => {
  await postgres.sql('CREATE DATABASE pooled OWNER auth_owner');
  await postgres.sql('GRANT auth_owner TO auth_app');
  const base = `127.0.0.1:${postgres.port}/pooled`;
  const server = await openServer({
    DATABASE_URL: `postgres://auth_app:${PASSWORD}@${base}`,
    DATABASE_DIRECT_URL: `postgres://auth_owner:${PASSWORD}@${base}`,
  });
  const { db } = server.app.house;
  const rows = await db.query<{ owner: string }>(
    "SELECT DISTINCT tableowner::text AS owner FROM pg_tables WHERE schemaname IN ('audit', 'auth') AND tablename <> 'migrations'",
  );
  assert.deepEqual(rows, [{ owner: 'auth_owner' }]);
  assert.deepEqual(await db.query('SELECT current_user::text AS name'), [{ name: 'auth_app' }]);
  const listening = await postgres.sql(
    "SELECT query FROM pg_stat_activity WHERE usename = 'auth_owner' AND datname = 'pooled'",
  );
  assert.equal(listening.length, 1);
  assert.match(`${listening[0]?.query}`, /auth\.changes/i);
  await server.close();
});
