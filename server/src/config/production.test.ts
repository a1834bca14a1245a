import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type Env, faultsOf, load, productionEnv, secret } from './test-kit.ts';

test('the least that production needs is taken, without a warning', async () => {
  const { config, warnings } = await load(productionEnv());
  assert.deepEqual(warnings, []);
  assert.equal(config.HOST, '0.0.0.0');
  assert.equal(config.LOG_FORMAT, 'json');
  assert.equal(config.mail.kind === 'smtp' && config.mail.requireTls, true);
});

test('production with nothing else set names everything that it needs', async () => {
  const faults = await faultsOf({ NODE_ENV: 'production' });
  const names = [
    'PUBLIC_URL',
    'DATABASE_URL',
    'JWT_REFRESH_SECRET',
    'SESSION_SECRET',
    'CSRF_SECRET',
    'ENCRYPTION_KEY',
    'EMAIL_SERVICE',
    'EMAIL_FROM',
  ];
  assert.deepEqual(
    faults.map((fault) => fault.name),
    names,
  );
});

test('a misspelt NODE_ENV does not open what production closes', async () => {
  const names = (await faultsOf({ NODE_ENV: 'Prod', CORS_ORIGIN: '*' })).map((fault) => fault.name);
  assert.ok(names.includes('NODE_ENV') && names.includes('CORS_ORIGIN') && names.includes('SESSION_SECRET'));
});

const repeated = 'abcdefghij'.repeat(7);
const refused: readonly (readonly [what: string, change: Env, name: string, problem: RegExp])[] = [
  ['any origin with credentials', { CORS_ORIGIN: '*' }, 'CORS_ORIGIN', /every page/],
  ['the inbox', { EMAIL_SERVICE: 'inbox' }, 'EMAIL_SERVICE', /inbox/],
  ['plain http', { PUBLIC_URL: 'http://auth.example.org' }, 'PUBLIC_URL', /plain http/],
  ['links in mails over plain http', { APP_LINK_BASE: 'http://app.example.org' }, 'APP_LINK_BASE', /plain http/],
  ['an issuer over plain http', { JWT_ISSUER: 'http://auth.example.org' }, 'JWT_ISSUER', /plain http/],
  ['the embedded database', { DATABASE_URL: '' }, 'DATABASE_URL', /power cut/],
  ['an unverified database', { DB_SSL_REJECT_UNAUTHORIZED: 'false' }, 'DB_SSL_REJECT_UNAUTHORIZED', /between/],
  [
    'an unverified database by its URL',
    { DATABASE_URL: 'postgres://u@db/d?sslmode=no-verify' },
    'DATABASE_URL',
    /no-verify/,
  ],
  ['every proxy', { TRUSTED_PROXIES: '0.0.0.0/0' }, 'TRUSTED_PROXIES', /so wide/],
  ['a short secret', { SESSION_SECRET: 'k2F9-vQx71Lz' }, 'SESSION_SECRET', /shorter than 32/],
  ['a short second secret', { CSRF_SECRET: `${secret()},k2F9-vQx71Lz` }, 'CSRF_SECRET', /shorter than 32/],
  ['a repeated character', { SESSION_SECRET: 'a'.repeat(64) }, 'SESSION_SECRET', /placeholder/],
  ['a repeated piece', { SESSION_SECRET: repeated }, 'SESSION_SECRET', /repeats itself/],
  ['few different characters', { CSRF_SECRET: 'abacabdabacabaeabacabdabacabafabacabd' }, 'CSRF_SECRET', /too few/],
  ['changeme', { JWT_REFRESH_SECRET: 'changeme' }, 'JWT_REFRESH_SECRET', /placeholder/],
  [
    'a long change-me',
    { JWT_REFRESH_SECRET: 'please-change-me-before-you-deploy-this-to-production' },
    'JWT_REFRESH_SECRET',
    /placeholder/,
  ],
  ['secret', { CSRF_SECRET: 'secret' }, 'CSRF_SECRET', /placeholder/],
  ['an unexpanded variable', { CSRF_SECRET: `\${CSRF_SECRET_OF_THE_PRODUCTION_STACK}` }, 'CSRF_SECRET', /placeholder/],
  [
    'the guide’s JWT_SECRET',
    { JWT_SECRET: 'your-production-jwt-secret-64-characters-minimum' },
    'JWT_SECRET',
    /placeholder/,
  ],
  [
    'the guide’s JWT_REFRESH_SECRET',
    { JWT_REFRESH_SECRET: 'your-production-refresh-secret-64-characters-minimum' },
    'JWT_REFRESH_SECRET',
    /placeholder/,
  ],
  [
    'the guide’s SESSION_SECRET',
    { SESSION_SECRET: 'your-session-secret-64-characters-minimum' },
    'SESSION_SECRET',
    /placeholder/,
  ],
  ['the guide’s CSRF_SECRET', { CSRF_SECRET: 'your-csrf-secret-64-characters-minimum' }, 'CSRF_SECRET', /placeholder/],
  [
    'the guide’s DB_PASSWORD',
    { DATABASE_URL: '', DB_HOST: 'localhost', DB_NAME: 'a', DB_USER: 'b', DB_PASSWORD: 'secure_password_here' },
    'DB_PASSWORD',
    /placeholder/,
  ],
  [
    'the guide’s DATABASE_URL',
    { DATABASE_URL: 'postgresql://username:password@localhost:5432/auth_db' },
    'DATABASE_URL',
    /placeholder/,
  ],
  [
    'the guide’s REDIS_PASSWORD',
    { REDIS_HOST: 'localhost', REDIS_PASSWORD: 'secure_redis_password' },
    'REDIS_PASSWORD',
    /placeholder/,
  ],
  [
    'the guide’s AWS_SECRET_ACCESS_KEY',
    { AWS_ACCESS_KEY_ID: 'AKIA0123456789', AWS_SECRET_ACCESS_KEY: 'your-secret-key' },
    'AWS_SECRET_ACCESS_KEY',
    /placeholder/,
  ],
  [
    'the guide’s GOOGLE_CLIENT_SECRET',
    {
      GOOGLE_CLIENT_ID: 'x',
      GOOGLE_CLIENT_SECRET: 'your-google-client-secret',
      OAUTH_REDIRECT_URL: 'https://a.example.org/cb',
    },
    'GOOGLE_CLIENT_SECRET',
    /placeholder/,
  ],
  ['a key of zeros', { ENCRYPTION_KEY: Buffer.alloc(32).toString('base64') }, 'ENCRYPTION_KEY', /placeholder|repeats/],
  [
    'a key of few bytes',
    { ENCRYPTION_KEY: Buffer.from('0102'.repeat(16), 'hex').toString('base64') },
    'ENCRYPTION_KEY',
    /repeats/,
  ],
];

for (const [what, change, name, problem] of refused) {
  test(`production refuses ${what}`, async () => {
    const faults = await faultsOf({ ...productionEnv(), ...change });
    assert.deepEqual(
      faults.map((fault) => fault.name),
      [name],
      JSON.stringify(faults),
    );
    assert.match(faults[0]?.problem ?? '', problem);
  });
}

test('production refuses one secret in two settings, and names both', async () => {
  const shared = secret();
  const faults = await faultsOf({ ...productionEnv(), SESSION_SECRET: shared, CSRF_SECRET: `${secret()},${shared}` });
  assert.deepEqual(
    faults.map(({ name, problem }) => [name, problem]),
    [['CSRF_SECRET', 'is the same secret as SESSION_SECRET']],
  );
});

test('one password of one database in two settings is no sharing', async () => {
  const password = secret();
  const url = `postgresql://auth:${password}@db.example.org/auth?sslmode=verify-full`;
  assert.deepEqual(
    await faultsOf({ ...productionEnv(), DATABASE_URL: url, DATABASE_DIRECT_URL: url, DB_PASSWORD: password }),
    [],
  );
});

test('all faults of a production run come in one list', async () => {
  const change = {
    CORS_ORIGIN: '*',
    SESSION_SECRET: 'secret',
    TRUSTED_PROXIES: '::/0',
    EMAIL_SERVICE: 'inbox',
    PORT: 'x',
  };
  const names = (await faultsOf({ ...productionEnv(), ...change })).map((fault) => fault.name);
  assert.deepEqual(names, ['PORT', 'CORS_ORIGIN', 'TRUSTED_PROXIES', 'SESSION_SECRET', 'EMAIL_SERVICE']);
});

test('production on this machine may be plain http, and the embedded database is taken by who accepts its risk', async () => {
  const env = {
    ...productionEnv(),
    PUBLIC_URL: 'http://localhost:3000',
    DATABASE_URL: '',
    EMBEDDED_ACCEPT_POWER_LOSS: 'true',
  };
  assert.equal((await load(env)).config.database.kind, 'embedded');
});

test('outside production the same is a warning that says so', async () => {
  const { warnings } = await load({ CORS_ORIGIN: '*', SESSION_SECRET: 'secret', DB_SSL_REJECT_UNAUTHORIZED: 'false' });
  assert.equal(
    warnings.filter((warning) => warning.includes('production refuses that')).length,
    3,
    warnings.join('\n'),
  );
});

test('keys are taken in base64, base64url and hex, and a list keeps its order', async () => {
  const keys = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;
  const list = [keys[0].toString('hex'), keys[1].toString('base64'), keys[2].toString('base64url')].join(',');
  const { config } = await load({ ...productionEnv(), ENCRYPTION_KEY: list });
  assert.deepEqual(config.ENCRYPTION_KEY, [...keys]);
});

test('random secrets of the recommended commands are never taken for placeholders', async () => {
  for (let round = 0; round < 200; round += 1) {
    const env = {
      ...productionEnv(),
      SESSION_SECRET: randomBytes(32).toString('hex'),
      CSRF_SECRET: randomBytes(32).toString('base64'),
    };
    assert.deepEqual(await faultsOf(env, { cwd: '/nonexistent' }), []);
  }
});

test('a plain connection to another machine is a warning', async () => {
  const env = {
    ...productionEnv(),
    DATABASE_URL: `postgres://u:${secret()}@db.example.org/d`,
    REDIS_URL: 'redis://cache.example.org',
  };
  const { warnings } = await load(env);
  assert.equal(warnings.filter((warning) => warning.includes('not encrypted')).length, 2, warnings.join('\n'));
});
