// engines: none
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const deploy = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(deploy, path), 'utf8');
const conf = read('postgresql.conf');
const compose = read('docker-compose.prod.yml');
const ini = read('pgbouncer/pgbouncer.ini');
const init = read('init-db.sql');
const environment = read('.env.production.example');

function setting(text: string, name: string): string {
  const found = new RegExp(`^${name.replaceAll('.', '\\.')} ?= ?'?([^'#\\n]*?)'? *(?:#.*)?$`, 'm').exec(text)?.[1];
  assert.ok(found !== undefined, `${name} is not set`);
  return found;
}

const UNITS: Record<string, number> = { k: 1 / 1024, m: 1, g: 1024 };
/** In megabytes, of `512MB`, `2G`, `512mb`. */
function megabytes(text: string): number {
  const [, count, unit = ''] = /^(\d+)\s*([kmg])b?$/i.exec(text) ?? [];
  assert.ok(count !== undefined, `${text} is no size`);
  return Number(count) * (UNITS[unit.toLowerCase()] ?? Number.NaN);
}

function defaultOf(name: string): string {
  const found = new RegExp(`\\$\\{${name}:-([^}]+)\\}`).exec(compose)?.[1];
  assert.ok(found !== undefined, `docker-compose.prod.yml does not use ${name}`);
  return found;
}

const number = (text: string, name: string): number => Number(setting(text, name));
// Three for the superuser, what is reserved for the migrator and the exporter, and two for people.
const RESERVE = 3 + number(conf, 'reserved_connections') + 2;
const poolMax = Number(/^#?DB_POOL_MAX=(\d+)$/m.exec(environment)?.[1] ?? 10);
const replicas = Number(/replicas: (?:\$\{APP_REPLICAS:-)?(\d+)/.exec(compose)?.[1]);

for (const [what, servers] of [
  ['the replicas of the stack', replicas],
  ['five replicas', 5],
  ['five replicas and five of the other colour', 10],
] as const) {
  test(`${what} fit into max_connections, with what is reserved`, () => {
    assert.ok(servers * (poolMax + 2) + RESERVE <= number(conf, 'max_connections'));
  });
}

test('with PgBouncer, ninety servers fit', () => {
  const pooled = number(ini, 'default_pool_size') + number(ini, 'reserve_pool_size');
  // The change feed of each goes past it, and a migration.
  assert.ok(pooled + 90 + 1 + RESERVE <= number(conf, 'max_connections'));
  assert.ok(90 * poolMax <= number(ini, 'max_client_conn'));
});

test('PostgreSQL stays within the memory of its container when every connection sorts', () => {
  const each = megabytes(setting(conf, 'work_mem')) + 4;
  const workers = 3 * megabytes(setting(conf, 'maintenance_work_mem'));
  const shared = megabytes(setting(conf, 'shared_buffers')) + megabytes(setting(conf, 'wal_buffers'));
  const limit = megabytes(defaultOf('POSTGRES_MEMORY'));
  assert.ok(shared + workers + number(conf, 'max_connections') * each <= limit * 0.9);
  assert.equal(megabytes(setting(conf, 'shared_buffers')), limit / 4);
  assert.equal(megabytes(setting(conf, 'effective_cache_size')), (limit * 3) / 4);
});

test('no statement’s parameters, no detail of an error and no password can get into the log', () => {
  assert.equal(setting(conf, 'log_parameter_max_length'), '0');
  assert.equal(setting(conf, 'log_parameter_max_length_on_error'), '0');
  assert.equal(setting(conf, 'log_error_verbosity'), 'terse');
  assert.equal(setting(conf, 'pg_stat_statements.track_utility'), 'off');
  assert.doesNotMatch(conf, /^log_statement\b/m);
  assert.doesNotMatch(init, /PASSWORD :/, 'a password within a statement');
});

test('nobody comes in over the network without TLS and SCRAM, nor without a password', () => {
  const lines = read('postgres/pg_hba.conf')
    .split('\n')
    .filter((line) => /^\w/.test(line))
    .map((line) => line.split(/\s+/));
  for (const [type, , user, ...rest] of lines) {
    const method = rest.at(-1);
    if (type === 'local') assert.ok(method === 'scram-sha-256' || (method === 'peer' && user === 'postgres'));
    else assert.equal(method, type === 'hostssl' ? 'scram-sha-256' : 'reject', type);
  }
});

test('the statement that the guide asks for has an index, by the guide’s own name', () => {
  const migrations = ['0001_accounts', '0002_audit'].map((name) => read(`../server/migrations/${name}.sql`)).join('\n');
  for (const name of [
    'users_email',
    'sessions_user_id',
    'sessions_expires_at',
    'audit_log_user_id',
    'audit_log_timestamp',
  ])
    assert.match(migrations, new RegExp(`CREATE (UNIQUE )?INDEX idx_${name} ON`), name);
});

test('PgBouncer keeps named statements over transactions, and nothing waits longer than a request may', () => {
  assert.equal(setting(ini, 'pool_mode'), 'transaction');
  const source = read('../server/src/platform/db/postgres.ts');
  const texts = Number(/PREPARED_TEXTS_MAX = (\d+)/.exec(source)?.[1]);
  assert.ok(number(ini, 'max_prepared_statements') >= texts, `the server names up to ${texts}`);
  assert.ok(number(ini, 'query_wait_timeout') <= 5);
  assert.equal(setting(ini, 'server_tls_sslmode'), 'verify-full');
  assert.equal(setting(ini, 'client_tls_sslmode'), 'require');
  const overlay = read('docker-compose.pgbouncer.yml');
  assert.match(overlay, /DATABASE_DIRECT_URL: postgresql:\/\/postgres:5432\/auth_db\n/, 'no password in it');
});

test('auth_app brings the time-outs that the server cannot set through a pooler', () => {
  const source = read('../server/src/platform/db/postgres.ts');
  for (const [constant, name] of [
    ['STATEMENT_TIMEOUT_MS', 'statement_timeout'],
    ['LOCK_TIMEOUT_MS', 'lock_timeout'],
  ] as const) {
    const seconds = Number(new RegExp(`${constant} = ([\\d_]+)`).exec(source)?.[1]?.replaceAll('_', '')) / 1000;
    assert.match(init, new RegExp(`ALTER ROLE auth_app SET ${name} = '${seconds}s'`));
  }
});
