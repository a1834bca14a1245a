// engines: postgres
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createClient } from '@redis/client';
import { freePort } from '../../../test/run/free-port.ts';
import { startServer } from '../kit.ts';
import { atEnd, ended, scratchFolder, until } from '../programs.ts';
import { makeAuthority } from './certificates.ts';

const PASSWORD = 'kT8-redis-pass';
const USER_PASSWORD = 'kT8-redis-user-pass';
const authority = makeAuthority();
let plain: number;
let secure: number;

/** A Redis that takes nothing without a password, in plain text on one port and with TLS on another. */
before(async () => {
  const folder = scratchFolder();
  [plain, secure] = [await freePort(), await freePort()];
  const { key, cert } = authority.issue('redis');
  const lines = [
    `port ${plain}`,
    `tls-port ${secure}`,
    'bind 127.0.0.1',
    'save ""',
    `dir ${folder}`,
    `tls-cert-file ${cert}`,
    `tls-key-file ${key}`,
    `tls-ca-cert-file ${authority.ca}`,
    'tls-auth-clients no',
    `requirepass ${PASSWORD}`,
    `user auth on >${USER_PASSWORD} ~* &* +@all`,
  ];
  writeFileSync(join(folder, 'redis.conf'), lines.join('\n'));
  const child = spawn(process.env.TEST_REDIS_SERVER ?? 'redis-server', [join(folder, 'redis.conf')], {
    stdio: 'ignore',
  });
  atEnd(() => ended(child, 'SIGKILL'));
  await until(async () => (await keys(0).catch(() => null)) !== null, 10_000, 'Redis');
});

async function keys(database: number): Promise<string[]> {
  const client = createClient({
    url: `redis://:${PASSWORD}@127.0.0.1:${plain}/${database}`,
    socket: { reconnectStrategy: false },
  });
  client.on('error', () => undefined);
  await client.connect();
  return client.keys('auth:*').finally(() => client.destroy());
}

/** What a server with these settings says of its cache after it was used. */
async function used(env: Record<string, string>): Promise<{ kind: string; status: string }> {
  const server = await startServer({ env: { REDIS_URL: '', ...env } });
  const { accessToken } = await server.user();
  await server.get('/me', { bearer: accessToken });
  const { kind, status } = (await server.call('GET', '/ready')).body.checks.cache;
  await server.close();
  return { kind, status };
}

const OK = { kind: 'redis', status: 'ok' };
const DEGRADED = { kind: 'redis', status: 'degraded' };

test('REDIS_HOST, REDIS_PORT, REDIS_PASSWORD and REDIS_DB say where the cache is', async () => {
  const env = { REDIS_HOST: '127.0.0.1', REDIS_PORT: `${plain}`, REDIS_PASSWORD: PASSWORD, REDIS_DB: '3' };
  assert.deepEqual(await used(env), OK);
  assert.ok((await keys(3)).length > 0);
  assert.deepEqual(await keys(0), []);
  assert.deepEqual(await used({ ...env, REDIS_PASSWORD: 'kT8-another-pass' }), DEGRADED, 'it goes on without');
});

test('REDIS_URL wins over the parts, which fill its gaps, such as REDIS_USERNAME', async () => {
  const url = `redis://127.0.0.1:${plain}/5`;
  const parts = { REDIS_HOST: 'nowhere.invalid', REDIS_USERNAME: 'auth', REDIS_PASSWORD: USER_PASSWORD };
  assert.deepEqual(await used({ REDIS_URL: url, ...parts }), OK);
  assert.ok((await keys(5)).length > 0);
});

test('REDIS_TLS encrypts, and verifies with REDIS_TLS_CA_PATH', async () => {
  const env = {
    REDIS_HOST: 'localhost',
    REDIS_PORT: `${secure}`,
    REDIS_PASSWORD: PASSWORD,
    REDIS_DB: '7',
    REDIS_TLS: 'true',
  };
  assert.deepEqual(await used({ ...env, REDIS_TLS_CA_PATH: authority.ca }), OK);
  assert.ok((await keys(7)).length > 0);
  assert.deepEqual(await used(env), DEGRADED, 'the public authorities do not know it');
  assert.deepEqual(await used({ ...env, REDIS_TLS_CA_PATH: makeAuthority('A stranger').ca }), DEGRADED);
  assert.deepEqual(
    await used({ ...env, REDIS_TLS: 'false', REDIS_PORT: `${secure}` }),
    DEGRADED,
    'plain text does not get in',
  );
});

test('without REDIS_URL and REDIS_HOST the cache is in the process', async () => {
  assert.deepEqual(await used({}), { kind: 'memory', status: 'ok' });
});
