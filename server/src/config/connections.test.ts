import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PostgresConnection, PostgresDatabase } from './config.ts';
import { type Env, faultsOf, keyPair, load, makeDirectory, put, TEST_CERTIFICATE, TEST_KEY } from './test-kit.ts';

const cwd = makeDirectory();
put(cwd, 'ca.crt', TEST_CERTIFICATE);
put(cwd, 'ca.key', TEST_KEY);
put(cwd, 'broken.pem', 'no PEM');

async function postgres(env: Env): Promise<{ database: PostgresDatabase; warnings: string[] }> {
  const { config, warnings } = await load(env, { cwd });
  assert.equal(config.database.kind, 'postgres');
  return { database: config.database as PostgresDatabase, warnings };
}

const connection = async (env: Env): Promise<PostgresConnection> => (await postgres(env)).database.connection;

test('the parts alone make a connection', async () => {
  const { database } = await postgres({
    DB_HOST: 'db',
    DB_NAME: 'auth',
    DB_USER: 'me',
    DB_PASSWORD: 'p4',
    DB_POOL_MIN: '2',
    DB_POOL_MAX: '8',
  });
  assert.deepEqual(database.connection, {
    host: 'db',
    port: 5432,
    database: 'auth',
    user: 'me',
    password: 'p4',
    tls: false,
  });
  assert.deepEqual([database.poolMin, database.poolMax, database.direct], [2, 8, database.connection]);
});

test('a URL is read with its escapes', async () => {
  const read = await connection({ DATABASE_URL: 'postgres://m%40e:p%2F%3A4@[::1]:6543/au%20th' });
  assert.deepEqual(read, { host: '::1', port: 6543, database: 'au th', user: 'm@e', password: 'p/:4', tls: false });
  assert.equal(
    (await connection({ DATABASE_URL: 'postgresql:///auth?host=/run/postgresql', DB_USER: 'me' })).host,
    '/run/postgresql',
  );
});

test('the parts fill the gaps of the URL without a word', async () => {
  const { database, warnings } = await postgres({
    DATABASE_URL: 'postgres://db',
    DB_PORT: '6000',
    DB_NAME: 'auth',
    DB_USER: 'me',
    DB_PASSWORD: 'p4',
    DB_SSL: 'true',
  });
  assert.deepEqual(database.connection, {
    host: 'db',
    port: 6000,
    database: 'auth',
    user: 'me',
    password: 'p4',
    tls: { rejectUnauthorized: true },
  });
  assert.deepEqual(
    warnings.filter((warning) => warning.includes('contradict')),
    [],
  );
});

test('the URL wins over the parts, and each contradiction names both settings but no value', async () => {
  const { database, warnings } = await postgres({
    DATABASE_URL: 'postgres://me:canary1@db:1/auth?sslmode=disable',
    DB_HOST: 'other',
    DB_PORT: '2',
    DB_NAME: 'x',
    DB_USER: 'y',
    DB_PASSWORD: 'canary2',
    DB_SSL: 'true',
  });
  assert.deepEqual(database.connection, {
    host: 'db',
    port: 1,
    database: 'auth',
    user: 'me',
    password: 'canary1',
    tls: false,
  });
  for (const part of ['DB_HOST', 'DB_PORT', 'DB_NAME', 'DB_USER', 'DB_PASSWORD', 'DB_SSL']) {
    assert.ok(warnings.includes(`DATABASE_URL and ${part} contradict each other; DATABASE_URL wins`), part);
  }
  assert.ok(!warnings.join().includes('canary'));
});

test('parts that say the same as the URL are no contradiction', async () => {
  const { warnings } = await postgres({
    DATABASE_URL: 'postgres://me@db/auth',
    DB_HOST: 'db',
    DB_NAME: 'auth',
    DB_USER: 'me',
  });
  assert.deepEqual(warnings, []);
});

test('parts without a host leave the embedded database, with a warning', async () => {
  const { config, warnings } = await load({ DB_NAME: 'auth', REDIS_PASSWORD: 'p4' }, { cwd });
  assert.equal(config.database.kind, 'embedded');
  assert.equal(config.redis, null);
  assert.match(warnings.join('\n'), /DB_NAME set without DB_HOST.*\nREDIS_PASSWORD set without REDIS_HOST/);
});

for (const [mode, expected] of [
  ['disable', false],
  ['require', { rejectUnauthorized: true }],
  ['verify-ca', { rejectUnauthorized: true }],
  ['verify-full', { rejectUnauthorized: true }],
  ['no-verify', { rejectUnauthorized: false }],
] as const) {
  test(`sslmode=${mode} is understood`, async () => {
    assert.deepEqual((await connection({ DATABASE_URL: `postgres://u@db/d?sslmode=${mode}` })).tls, expected);
  });
}

for (const mode of ['prefer', 'allow', 'yes']) {
  test(`sslmode=${mode} is refused`, async () => {
    assert.deepEqual(
      (await faultsOf({ DATABASE_URL: `postgres://u@db/d?sslmode=${mode}` })).map((fault) => fault.name),
      ['DATABASE_URL'],
    );
  });
}

test('DB_SSL verifies unless told otherwise, which is a warning', async () => {
  const env = { DB_HOST: 'db', DB_NAME: 'd', DB_USER: 'u', DB_SSL: 'true' };
  assert.deepEqual((await connection(env)).tls, { rejectUnauthorized: true });
  const { database, warnings } = await postgres({ ...env, DB_SSL_REJECT_UNAUTHORIZED: 'false' });
  assert.deepEqual(database.connection.tls, { rejectUnauthorized: false });
  assert.match(warnings.join(), /DB_SSL_REJECT_UNAUTHORIZED is false/);
});

test('an authority alone switches encryption on, and its files are read', async () => {
  const { tls } = await connection({
    DATABASE_URL: 'postgres://u@db/d',
    DB_SSL_CA_PATH: 'ca.crt',
    DB_SSL_CERT_PATH: 'ca.crt',
    DB_SSL_KEY_PATH: 'ca.key',
  });
  assert.deepEqual(tls, { rejectUnauthorized: true, ca: TEST_CERTIFICATE, cert: TEST_CERTIFICATE, key: TEST_KEY });
});

test('files of the database that are missing or broken are faults that name the path', async () => {
  const env = {
    DATABASE_URL: 'postgres://u@db/d?sslmode=require',
    DB_SSL_CA_PATH: '/nowhere/ca.crt',
    DB_SSL_CERT_PATH: 'ca.crt',
    DB_SSL_KEY_PATH: 'broken.pem',
  };
  const faults = await faultsOf(env, { cwd });
  assert.deepEqual(
    faults.map((fault) => fault.name),
    ['DB_SSL_CA_PATH', 'DB_SSL_KEY_PATH'],
  );
  assert.match(faults[0]?.problem ?? '', /"\/nowhere\/ca\.crt", which does not exist/);
});

test('the direct connection takes its gaps from the pooled one', async () => {
  const { database } = await postgres({
    DATABASE_URL: 'postgres://u:p4@pooler:6432/d?sslmode=require',
    DATABASE_DIRECT_URL: 'postgres://primary',
  });
  assert.deepEqual(database.direct, {
    host: 'primary',
    port: 5432,
    database: 'd',
    user: 'u',
    password: 'p4',
    tls: { rejectUnauthorized: true },
  });
});

test('a pool whose least is more than its most is one fault of both', async () => {
  const faults = await faultsOf({ DB_POOL_MIN: '21', DB_POOL_MAX: '20' });
  assert.match(`${faults[0]?.name} ${faults[0]?.problem}`, /DB_POOL_MIN is 21, more than DB_POOL_MAX, which is 20/);
});

test('Redis by URL and by parts', async () => {
  const byUrl = await load({ REDIS_URL: 'rediss://me:p%404@cache:7000/3' });
  assert.deepEqual(byUrl.config.redis, {
    host: 'cache',
    port: 7000,
    username: 'me',
    password: 'p@4',
    database: 3,
    tls: true,
  });
  const byParts = await load(
    { REDIS_HOST: 'cache', REDIS_PASSWORD: 'p4', REDIS_TLS: 'true', REDIS_TLS_CA_PATH: 'ca.crt' },
    { cwd },
  );
  assert.deepEqual(byParts.config.redis, {
    host: 'cache',
    port: 6379,
    password: 'p4',
    database: 0,
    tls: true,
    ca: TEST_CERTIFICATE,
  });
  const filled = await load({ REDIS_URL: 'redis://cache', REDIS_PASSWORD: 'p4', REDIS_DB: '2' });
  assert.deepEqual(filled.config.redis, { host: 'cache', port: 6379, password: 'p4', database: 2, tls: false });
});

test('of redis:// and REDIS_TLS the one that encrypts wins, with a warning that names both', async () => {
  for (const env of [
    { REDIS_URL: 'redis://cache', REDIS_TLS: 'true' },
    { REDIS_URL: 'rediss://cache', REDIS_TLS: 'false' },
  ]) {
    const { config, warnings } = await load(env);
    assert.equal(config.redis?.tls, true);
    assert.match(warnings.join(), /REDIS_URL .* and REDIS_TLS .* contradict/);
  }
});

test('a path in REDIS_URL that is no number, and a broken authority, are faults', async () => {
  const faults = await faultsOf({ REDIS_URL: 'rediss://cache/zero', REDIS_TLS_CA_PATH: 'broken.pem' }, { cwd });
  assert.deepEqual(
    faults.map((fault) => fault.name),
    ['REDIS_URL', 'REDIS_TLS_CA_PATH'],
  );
});

test('a key of the database that others can read is a warning outside production', async () => {
  put(cwd, 'open.key', keyPair('p256').privatePem, 0o644);
  const { warnings } = await postgres({
    DATABASE_URL: 'postgres://u@db/d?sslmode=require',
    DB_SSL_CERT_PATH: 'ca.crt',
    DB_SSL_KEY_PATH: 'open.key',
  });
  assert.match(warnings.join(), /DB_SSL_KEY_PATH names a private key with mode 0644/);
});
