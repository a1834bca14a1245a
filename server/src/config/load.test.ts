import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Env, faultsOf, load, makeDirectory, put, secret } from './test-kit.ts';

test('nothing set gives a development server on this machine with the embedded database', async () => {
  const cwd = makeDirectory();
  const { config, warnings } = await load({}, { cwd });
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.database, { kind: 'embedded', directory: join(cwd, 'data', 'pg') });
  const expected = {
    NODE_ENV: 'development',
    HOST: '127.0.0.1',
    PORT: 3000,
    API_PREFIX: '/api/v1',
    PUBLIC_URL: 'http://localhost:3000',
    APP_LINK_BASE: 'http://localhost:3000',
    JWT_ISSUER: 'http://localhost:3000',
    redis: null,
    tls: null,
    mail: { kind: 'inbox' },
    jwtKeys: { kind: 'managed' },
    ENABLE_METRICS: true,
    METRICS_PORT: 9090,
    JWT_EXPIRES_IN: 900,
    JWT_REFRESH_EXPIRES_IN: 604_800,
    SESSION_MAX_AGE: 2_592_000,
    rateLimitAddress: { max: 100, seconds: 900 },
    RATE_LIMIT_LOGIN: { max: 30, seconds: 60 },
    RATE_LIMIT_USER: { max: 600, seconds: 60 },
    CORS_ORIGIN: [],
    TRUSTED_PROXIES: [],
    MIGRATE_ON_START: true,
    AUDIT_RETENTION_DAYS: 365,
    LOG_MAX_SIZE: 10 * 1024 * 1024,
    HASH_QUEUE: 64,
    SHUTDOWN_GRACE: 9,
    PASSWORD_MIN_LENGTH: 8,
  } as const;
  for (const [name, value] of Object.entries(expected))
    assert.deepEqual(config[name as keyof typeof config], value, name);
  assert.ok(config.HASH_CONCURRENCY >= 1 && config.HASH_CONCURRENCY <= 3);
});

test('the public address follows the port, and the prefix and the base lose their trailing slash', async () => {
  const { config } = await load({ PORT: '0', API_PREFIX: '/', APP_LINK_BASE: 'https://app.example.org/account/' });
  assert.equal(config.PUBLIC_URL, 'http://localhost:0');
  assert.equal(config.API_PREFIX, '');
  assert.equal(config.APP_LINK_BASE, 'https://app.example.org/account');
});

test('an empty variable counts as not set', async () => {
  const { config } = await load({ PORT: '', LOG_LEVEL: '  ', DATABASE_URL: '' });
  assert.equal(config.PORT, 3000);
  assert.equal(config.database.kind, 'embedded');
});

test('the configuration is frozen to its depth', async () => {
  const { config } = await load({});
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.database) && Object.isFrozen(config.SESSION_SECRET));
  assert.throws(() => Object.assign(config.rateLimitAddress, { max: 1e9 }), TypeError);
});

test('every accepted form has its effect', async () => {
  const { config } = await load({
    MIGRATE_ON_START: 'no',
    ENABLE_METRICS: '0',
    PASSWORD_BREACH_CHECK: 'YES',
    JWT_EXPIRES_IN: '90',
    SESSION_MAX_AGE: '2w',
    JWT_REFRESH_EXPIRES_IN: '36h',
    LOG_MAX_SIZE: '512k',
    RATE_LIMIT_WINDOW: '1',
    RATE_LIMIT_MAX: '5',
    RATE_LIMIT_LOGIN: '3/10',
    HOST: '[::1]',
    TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7,fd00::/8',
    CORS_ORIGIN: 'https://a.example.org, https://b.example.org:8443/',
    EMAIL_FROM: '"Example, Inc." <no-reply@example.org>',
    HASH_CONCURRENCY: '7',
    LOG_FILE: '/var/log/x.log',
  });
  assert.equal(config.MIGRATE_ON_START, false);
  assert.equal(config.ENABLE_METRICS, false);
  assert.equal(config.PASSWORD_BREACH_CHECK, true);
  assert.deepEqual(
    [config.JWT_EXPIRES_IN, config.SESSION_MAX_AGE, config.JWT_REFRESH_EXPIRES_IN],
    [90, 1_209_600, 129_600],
  );
  assert.equal(config.LOG_MAX_SIZE, 524_288);
  assert.deepEqual(config.rateLimitAddress, { max: 5, seconds: 60 });
  assert.deepEqual(config.RATE_LIMIT_LOGIN, { max: 3, seconds: 10 });
  assert.equal(config.HOST, '::1');
  assert.deepEqual(config.TRUSTED_PROXIES, ['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);
  assert.deepEqual(config.CORS_ORIGIN, ['https://a.example.org', 'https://b.example.org:8443']);
  assert.equal(config.HASH_CONCURRENCY, 7);
  assert.equal(config.LOG_FILE, '/var/log/x.log');
});

const wrong: readonly (readonly [name: string, value: string, problem: RegExp])[] = [
  ['NODE_ENV', 'local', /not one of the choices/],
  ['PORT', '65536', /out of range/],
  ['PORT', '3000x', /not a whole number/],
  ['PORT', '-1', /not a whole number/],
  ['PORT', '1e3', /not a whole number/],
  ['HOST', 'http://x', /not a host/],
  ['HOST', '300.1.1.1', /not a host/],
  ['API_PREFIX', 'api', /not such a path/],
  ['API_PREFIX', '/a/../b', /not such a path/],
  ['PUBLIC_URL', 'auth.example.org', /not a URL/],
  ['PUBLIC_URL', 'https://auth.example.org/path', /more than an origin/],
  ['PUBLIC_URL', 'ftp://auth.example.org', /neither http nor https/],
  ['PUBLIC_URL', 'https://u:p@auth.example.org', /has a user or a password/],
  ['APP_LINK_BASE', 'https://app.example.org/?a=1', /query/],
  ['CORS_ORIGIN', 'https://a.example.org,null', /number 2/],
  ['CORS_ORIGIN', 'https://*.example.org', /wildcard/],
  ['CORS_ORIGIN', 'https://a.example.org,*', /number 2/],
  ['TRUSTED_PROXIES', '0.0.0.0/0', /so wide/],
  ['TRUSTED_PROXIES', '::/0', /whole of IPv6/],
  ['TRUSTED_PROXIES', '0.0.0.0/1,128.0.0.0/1', /so wide/],
  ['TRUSTED_PROXIES', '2000::/3', /so wide/],
  ['TRUSTED_PROXIES', '::ffff:10.0.0.0/8', /IPv4 addresses in IPv6 form/],
  ['TRUSTED_PROXIES', '::ffff:10.0.0.0/104', /IPv4 addresses in IPv6 form/],
  ['TRUSTED_PROXIES', '0:0:0:0:0:FFFF:a00:0/104', /IPv4 addresses in IPv6 form/],
  ['TRUSTED_PROXIES', '::ffff:0:0/96', /IPv4 addresses in IPv6 form/],
  ['TRUSTED_PROXIES', '10.0.0.0/33', /longer than the address/],
  ['TRUSTED_PROXIES', '10.1.2.3/8', /not the first/],
  ['TRUSTED_PROXIES', 'true', /not an IP address/],
  ['TRUSTED_PROXIES', '10.0.0.1,', /number 2/],
  ['DB_PORT', 'tcp://10.0.0.1:5432', /Kubernetes/],
  ['DB_SSL', 'on', /neither true nor false/],
  ['DB_POOL_MAX', '0', /out of range/],
  ['DATABASE_URL', 'mysql://h/d', /wrong scheme/],
  ['DATABASE_URL', 'postgres://u:%zz@h/d', /hexadecimal/],
  ['REDIS_URL', 'http://h', /wrong scheme/],
  ['REDIS_PORT', 'tcp://10.0.0.1:6379', /Kubernetes/],
  ['JWT_EXPIRES_IN', '15 m', /not a duration/],
  ['JWT_EXPIRES_IN', '0', /out of range/],
  ['JWT_EXPIRES_IN', '2d', /out of range/],
  ['JWT_REFRESH_EXPIRES_IN', '7days', /not a duration/],
  ['JWT_ALG', 'none', /not one of the choices/],
  ['JWT_ALG', 'rs256', /not one of the choices/],
  ['ENCRYPTION_KEY', 'abc', /not 32 bytes/],
  ['SESSION_SECRET', `${secret()},,${secret()}`, /number 2.*is empty/],
  ['EMAIL_SERVICE', 'sendmail', /not one of the choices/],
  ['EMAIL_FROM', 'Example no-reply@example.org', /not an address/],
  ['EMAIL_FROM', 'a@b@c', /not an address/],
  ['EMAIL_VERIFICATION', 'maybe', /not one of the choices/],
  ['BCRYPT_SALT_ROUNDS', '9', /out of range/],
  ['BCRYPT_SALT_ROUNDS', '16', /out of range/],
  ['PASSWORD_MIN_LENGTH', '7', /out of range/],
  ['PASSWORD_MIN_LENGTH', '65', /out of range/],
  ['PASSWORD_HASH', 'md5', /not one of the choices/],
  ['RATE_LIMIT_WINDOW', '15m', /not a whole number/],
  ['RATE_LIMIT_MAX', '0', /out of range/],
  ['RATE_LIMIT_LOGIN', '30', /not of the form/],
  ['RATE_LIMIT_USER', '0/60', /out of range/],
  ['LOG_LEVEL', 'verbose', /not one of the choices/],
  ['LOG_FORMAT', 'text', /not one of the choices/],
  ['LOG_MAX_SIZE', '10 m', /not a size/],
  ['LOG_MAX_FILES', '0', /out of range/],
  ['METRICS_PORT', '3000', /the same as PORT/],
  ['HEALTH_CHECK_PATH', 'health', /not such a path/],
  ['READY_CHECK_PATH', '/health', /same as HEALTH_CHECK_PATH/],
  ['AUDIT_RETENTION_DAYS', '0', /out of range/],
  ['SHUTDOWN_DELAY', '10s', /not less than SHUTDOWN_GRACE/],
  ['AWS_REGION', 'mars', /right form/],
  ['SSL_CA_PATH', 'ca.crt', /without SSL_KEY_PATH/],
  ['REFRESH_GRACE_SECONDS', '-1', /not a duration/],
  ['REAUTH_WITHIN', '2d', /out of range/],
  ['DATABASE_DIRECT_URL', 'postgres://h/d', /neither DATABASE_URL nor DB_HOST/],
  ['OAUTH_REDIRECT_URL', '/auth/callback', /not a URL/],
  ['JWT_ISSUER', 'a\u0007b', /control characters/],
];

for (const [name, value, problem] of wrong) {
  test(`${name}=${JSON.stringify(value)} is a fault of its own`, async () => {
    const faults = await faultsOf({ [name]: value });
    const own = faults.filter((fault) => fault.name === name);
    assert.equal(own.length, 1, JSON.stringify(faults));
    assert.match(own[0]?.problem ?? '', problem);
    assert.notEqual(own[0]?.expected ?? '', '');
    assert.deepEqual(
      faults.filter((fault) => fault.name !== name),
      [],
    );
  });
}

const halves: readonly (readonly [given: Env, missing: string])[] = [
  [{ GOOGLE_CLIENT_ID: 'id', OAUTH_REDIRECT_URL: 'https://a.example.org/cb' }, 'GOOGLE_CLIENT_SECRET'],
  [{ GITHUB_CLIENT_SECRET: 's3', OAUTH_REDIRECT_URL: 'https://a.example.org/cb' }, 'GITHUB_CLIENT_ID'],
  [{ AWS_ACCESS_KEY_ID: 'AKIA0000' }, 'AWS_SECRET_ACCESS_KEY'],
  [{ SMTP_USER: 'me' }, 'SMTP_PASSWORD'],
  [{ EMAIL_SERVICE: 'smtp' }, 'SMTP_HOST'],
  [{ EMAIL_SERVICE: 'ses' }, 'AWS_REGION'],
  [{ JWT_ALG: 'HS256' }, 'JWT_SECRET'],
];

for (const [given, missing] of halves) {
  test(`${Object.keys(given).join(' and ')} without ${missing} is a fault of the latter`, async () => {
    assert.deepEqual(
      (await faultsOf(given)).map((fault) => fault.name),
      [missing],
    );
  });
}

test('every fault is told at once, in the order of the reference page, within the time of a blink', async () => {
  const started = performance.now();
  const faults = await faultsOf({
    READY_CHECK_PATH: 'x',
    PORT: 'x',
    DB_POOL_MIN: '9',
    DB_POOL_MAX: '3',
    LOG_LEVEL: 'x',
    SSL_KEY_PATH: '/nowhere',
    DB_HOST: 'h',
  });
  assert.ok(performance.now() - started < 500);
  assert.deepEqual(
    faults.map((fault) => fault.name),
    ['PORT', 'SSL_KEY_PATH', 'SSL_CERT_PATH', 'DB_NAME', 'DB_USER', 'DB_POOL_MIN', 'LOG_LEVEL', 'READY_CHECK_PATH'],
  );
});

test('a start that fails leaves no development secrets behind', async () => {
  const cwd = makeDirectory();
  assert.equal((await faultsOf({ PORT: 'x' }, { cwd })).length, 1);
  assert.ok(!existsSync(join(cwd, 'data')));
});

test('a value that could write lines of its own into a log is quoted, and cut', async () => {
  const [fault] = await faultsOf({ LOG_LEVEL: `x\n2026 ALL IS WELL${'y'.repeat(500)}` });
  assert.ok(fault && !fault.problem.includes('\n') && fault.problem.length < 200, fault?.problem);
});

test('a path is read from the working directory', async () => {
  const cwd = makeDirectory();
  put(cwd, 'secret.txt', `${secret()}\n`);
  const { config } = await load({ SESSION_SECRET_FILE: 'secret.txt', DATA_DIR: 'here' }, { cwd });
  assert.equal(config.DATA_DIR, join(cwd, 'here'));
});

test('mail by SES and by SMTP take what they need', async () => {
  const smtp = await load({
    EMAIL_SERVICE: 'smtp',
    SMTP_HOST: 'mx.example.org',
    SMTP_PORT: '465',
    SMTP_USER: 'u',
    SMTP_PASSWORD: 'p4',
  });
  assert.deepEqual(smtp.config.mail, {
    kind: 'smtp',
    host: 'mx.example.org',
    port: 465,
    secure: true,
    user: 'u',
    password: 'p4',
    requireTls: false,
  });
  const ses = await load({
    EMAIL_SERVICE: 'ses',
    AWS_REGION: 'eu-central-1',
    AWS_SES_ENDPOINT: 'http://127.0.0.1:4566/',
  });
  assert.deepEqual(ses.config.mail, { kind: 'ses', region: 'eu-central-1', endpoint: 'http://127.0.0.1:4566' });
});

test('social sign-in takes its clients', async () => {
  const { config } = await load({
    GOOGLE_CLIENT_ID: 'id',
    GOOGLE_CLIENT_SECRET: 's3cr3t',
    OAUTH_REDIRECT_URL: 'https://a.example.org/auth/callback/',
  });
  assert.equal(config.OAUTH_REDIRECT_URL, 'https://a.example.org/auth/callback');
  const [google, ...others] = config.providers;
  assert.deepEqual(others, []);
  assert.deepEqual(
    [google?.id, google?.clientId, google?.clientAuth],
    ['google', 'id', { kind: 'post', secret: 's3cr3t' }],
  );
});
