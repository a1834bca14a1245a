// engines: none
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { figures } from '../processes.ts';
import { scratchFolder } from '../programs.ts';
import { serve } from './tools.ts';

const secret = (): string => `kT8-${randomBytes(24).toString('base64url')}`;

test('a wrong configuration stops the start within 2 s with 78, lists every fault, and prints no secret', async (t) => {
  const secrets = Array.from({ length: 4 }, secret) as [string, string, string, string];
  const [database, redis, session, short] = secrets;
  const env = {
    NODE_ENV: 'production',
    PORT: '99999',
    PUBLIC_URL: 'http://auth.example.test',
    CORS_ORIGIN: '*',
    DATABASE_URL: `mysql://auth:${database}@db.example.test/auth`,
    REDIS_URL: `http://:${redis}@redis.example.test`,
    SESSION_SECRET: session,
    CSRF_SECRET: session,
    JWT_REFRESH_SECRET: 'your-production-refresh-secret-64-characters-minimum',
    ENCRYPTION_KEY: short,
    JWT_EXPIRES_IN: 'soon',
    EMAIL_SERVICE: 'inbox',
    RATE_LIMIT_LOGIN: 'many',
    TRUSTED_PROXIES: '10.0.0.0/99',
    SSL_KEY_PATH: '/nowhere/private.key',
    LOG_LEVEL: 'loud',
    GOOGLE_CLIENT_ID: 'google-client',
  };
  const program = serve(env);
  const { code, ms } = await program.exited;
  const told = program.out() + program.err();
  assert.equal(code, 78, told);
  assert.ok(ms < 2_000, `${ms} ms`);
  const unnamed = [...Object.keys(env), 'EMAIL_FROM', 'SSL_CERT_PATH', 'GOOGLE_CLIENT_SECRET']
    .filter((name) => !['NODE_ENV', 'SESSION_SECRET', 'GOOGLE_CLIENT_ID'].includes(name))
    .filter((name) => !new RegExp(`\\b${name}\\b`).test(told));
  assert.deepEqual(unnamed, [], told);
  for (const text of secrets) assert.ok(!told.includes(text.slice(4)), 'a secret was printed');
  figures(t, { 'stopped after ms': ms });
});

test('a malformed .env and a NAME_FILE that is not there are faults too', async () => {
  const folder = scratchFolder();
  writeFileSync(join(folder, '.env'), 'this is no setting\n');
  const program = serve({ SESSION_SECRET_FILE: '/nowhere/session' }, folder);
  const { code, ms } = await program.exited;
  assert.equal(code, 78);
  assert.ok(ms < 2_000, `${ms} ms`);
  assert.match(program.err(), /\.env.*line 1/s);
  assert.match(program.err(), /SESSION_SECRET_FILE/);
});
