import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultsOf, load, makeDirectory, put, secret } from './test-kit.ts';

test('a secret is read from the file that NAME_FILE names, without its last line break', async () => {
  const cwd = makeDirectory();
  const value = secret();
  const url = put(cwd, 'url', 'postgres://u:p4@db/d\r\n');
  const { config } = await load({ SESSION_SECRET_FILE: put(cwd, 's', `${value}\n`), DATABASE_URL_FILE: url }, { cwd });
  assert.deepEqual(config.SESSION_SECRET, [value]);
  assert.equal(config.database.kind === 'postgres' && config.database.connection.password, 'p4');
});

test('NAME and NAME_FILE together, a missing, an empty and an unfit file are faults that name the path', async () => {
  const cwd = makeDirectory();
  mkdirSync(join(cwd, 'directory'));
  put(cwd, 'empty', '\n');
  put(cwd, 'two-lines', `${secret()}\n${secret()}`);
  const faults = await faultsOf(
    {
      SESSION_SECRET: secret(),
      SESSION_SECRET_FILE: 'x',
      CSRF_SECRET_FILE: '/nowhere',
      ENCRYPTION_KEY_FILE: 'empty',
      DB_PASSWORD_FILE: 'directory',
      JWT_REFRESH_SECRET_FILE: 'two-lines',
    },
    { cwd },
  );
  assert.deepEqual(
    faults.map(({ name, problem }) => `${name} ${problem}`),
    [
      'DB_PASSWORD_FILE names "directory", which is not a file',
      'JWT_REFRESH_SECRET has control characters in it',
      'SESSION_SECRET is set twice: as SESSION_SECRET and as SESSION_SECRET_FILE',
      'CSRF_SECRET_FILE names "/nowhere", which does not exist',
      'ENCRYPTION_KEY_FILE names "empty", which is empty',
    ],
  );
});

test('in production a file that cannot be read is one fault, not also a missing secret', async () => {
  const names = (
    await faultsOf({ NODE_ENV: 'production', SESSION_SECRET_FILE: '/nowhere', DATABASE_URL_FILE: '/nowhere' })
  ).map((fault) => fault.name);
  assert.ok(names.includes('SESSION_SECRET_FILE') && !names.includes('SESSION_SECRET'));
  assert.ok(names.includes('DATABASE_URL_FILE') && !names.includes('DATABASE_URL') && !names.includes('DB_HOST'));
});

test('a .env file is read, and the environment wins over it', async () => {
  const cwd = makeDirectory();
  const lines = [
    '\uFEFF# comment',
    '',
    'PORT=4000 # the port',
    'export LOG_LEVEL=debug',
    "JWT_ISSUER='a#b$c'",
    'JWT_AUDIENCE="x\\"y" # quoted',
    '  READY_CHECK_PATH = /up ',
    `DB_PASSWORD=\${HOME}`,
    'HOST=',
    'OTHER=1',
  ];
  put(cwd, '.env', lines.join('\r\n'));
  const faults = await faultsOf({}, { cwd });
  assert.deepEqual(
    faults.map((fault) => fault.name),
    ['JWT_AUDIENCE'],
  );
  put(cwd, '.env', lines.join('\r\n').replace('\\"', ''));
  const { config } = await load({ PORT: '5000' }, { cwd });
  assert.deepEqual(
    [config.PORT, config.LOG_LEVEL, config.JWT_ISSUER, config.JWT_AUDIENCE, config.READY_CHECK_PATH],
    [5000, 'debug', 'a#b$c', 'xy', '/up'],
  );
});

test('the environment wins over the other form of a secret in .env too', async () => {
  const cwd = makeDirectory();
  const [first, second] = [secret(), secret()];
  put(cwd, '.env', `SESSION_SECRET_FILE=/nowhere\nCSRF_SECRET=${secret()}\n`);
  const { config } = await load({ SESSION_SECRET: first, CSRF_SECRET_FILE: put(cwd, 'c', second) }, { cwd });
  assert.deepEqual([config.SESSION_SECRET, config.CSRF_SECRET], [[first], [second]]);
});

test('a malformed line of .env is a fault with its number, and none of its text', async () => {
  const cwd = makeDirectory();
  put(cwd, '.env', 'PORT=4000\nthis is canary\n\nDB_PASSWORD="canary\n');
  const faults = await faultsOf({}, { cwd });
  assert.deepEqual(
    faults.map((fault) => [fault.name, /line \d/.exec(fault.problem)?.[0]]),
    [
      ['.env', 'line 2'],
      ['.env', 'line 4'],
    ],
  );
  assert.ok(!JSON.stringify(faults).includes('canary'));
});

test('a .env that is not a file is a fault', async () => {
  const cwd = makeDirectory();
  mkdirSync(join(cwd, '.env'));
  assert.deepEqual(
    (await faultsOf({}, { cwd })).map((fault) => `${fault.name} ${fault.problem}`),
    ['.env is not a file'],
  );
});

test('a misspelt name gives a warning, and the names of other programs do not', async () => {
  const { warnings } = await load({
    JWT_EXPIRE_IN: '1h',
    DATABSE_URL: 'x',
    RATE_LIMIT_BURST: '1',
    PORT_FILE: '/x',
    SESSION_SECRETS_FILE: '/x',
    PATH: '/bin',
    HOME: '/',
    HOSTNAME: 'h',
    SSL_CERT_FILE: '/x',
    NODE_OPTIONS: '',
    npm_config_cache: '/x',
    PGHOST: 'h',
    LOGNAME: 'root',
    AWS_PROFILE: 'p',
    SESSION_MANAGER: 's',
  });
  assert.deepEqual(warnings, [
    'JWT_EXPIRE_IN is not a setting and has no effect; did you mean JWT_EXPIRES_IN?',
    'DATABSE_URL is not a setting and has no effect; did you mean DATABASE_URL?',
    'RATE_LIMIT_BURST is not a setting and has no effect',
    'PORT_FILE has no effect: PORT is not a secret and cannot be read from a file',
    'SESSION_SECRETS_FILE is not a setting and has no effect; did you mean SESSION_SECRET_FILE?',
  ]);
});

test('development secrets are made once, for the owner only, and used again', async () => {
  const cwd = makeDirectory();
  const said: string[] = [];
  const log = (text: string): void => void said.push(text);
  const first = await load({}, { cwd, log });
  const path = join(cwd, 'data', 'dev-secrets.json');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(cwd, 'data')).mode & 0o777, 0o700);
  const second = await load({}, { cwd, log });
  assert.deepEqual(second.config, first.config);
  assert.deepEqual(said, [`made development secrets in ${path}`]);
  const kept = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
  for (const value of Object.values(kept)) assert.ok(!said.join().includes(value));
  assert.deepEqual(readdirSync(join(cwd, 'data')), ['dev-secrets.json']);
});

test('a given secret wins over the made one', async () => {
  const value = secret();
  const { config } = await load({ CSRF_SECRET: value });
  assert.deepEqual(config.CSRF_SECRET, [value]);
  assert.equal(config.SESSION_SECRET.length, 1);
});

test('starts at the same time end with the same development secrets', async () => {
  const cwd = makeDirectory();
  const module = JSON.stringify(new URL('./load.ts', import.meta.url).href);
  const script = `const { loadConfig } = await import(${module});
    const { config } = await loadConfig({ env: {}, cwd: ${JSON.stringify(cwd)}, clock: { now: () => 0 }, resolveSecret: async () => '' });
    process.stdout.write(JSON.stringify([config.ENCRYPTION_KEY[0].toString('hex'), config.SESSION_SECRET, config.CSRF_SECRET, config.JWT_REFRESH_SECRET]));`;
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  const runs = await Promise.all(
    Array.from({ length: 5 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])),
  );
  assert.equal(new Set(runs.map((run) => run.stdout)).size, 1);
  assert.deepEqual(readdirSync(join(cwd, 'data')), ['dev-secrets.json']);
});

test('a damaged or incomplete file of development secrets is a fault, not a new set', async () => {
  const cwd = makeDirectory();
  mkdirSync(join(cwd, 'data'));
  for (const content of ['', '{"SESSION_SECRET":"canary"}', 'null']) {
    writeFileSync(join(cwd, 'data', 'dev-secrets.json'), content, { mode: 0o600 });
    const faults = await faultsOf({}, { cwd });
    assert.match(
      `${faults[0]?.name} ${faults[0]?.problem}`,
      /DATA_DIR holds a dev-secrets\.json that is damaged or incomplete/,
    );
    assert.ok(!JSON.stringify(faults).includes('canary'));
  }
});

test('development secrets that others could read are closed again, with a warning', async () => {
  const cwd = makeDirectory();
  await load({}, { cwd });
  const path = join(cwd, 'data', 'dev-secrets.json');
  chmodSync(path, 0o644);
  const { warnings } = await load({}, { cwd });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.match(warnings.join(), /could be read by others/);
});

test('a data directory that cannot be made is a fault', async () => {
  const cwd = makeDirectory();
  put(cwd, 'data', 'a file');
  assert.deepEqual(
    (await faultsOf({}, { cwd })).map((fault) => fault.name),
    ['DATA_DIR'],
  );
});
