// engines: none
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configurationMarkdown } from '../config/document.ts';
import { place } from './test-kit.ts';

const here = await place();

test('help says what a command is for, shows examples, and names the exit codes', async () => {
  const root = await here.run(['--help']);
  assert.equal(root.code, 0);
  for (const word of [
    'serve',
    'migrate',
    'doctor',
    'users',
    'keys',
    'audit',
    'config',
    'openapi',
    'setup-link',
    'data',
    'health',
  ]) {
    assert.match(root.stdout, new RegExp(`^ {2}${word} `, 'm'));
  }
  const create = await here.run(['users', 'create', '--help']);
  assert.match(create.stdout, /Usage: auth-api users create \[options\]/);
  assert.match(create.stdout, /Examples:\n {2}auth-api users create --email=/);
  assert.match(create.stdout, /78 {2}the configuration has faults/);
});

test('an unknown command or option is a usage error that suggests what was meant', async () => {
  const cases: [string[], RegExp][] = [
    [[], /Say what to do/],
    [['usrs'], /Did you mean `auth-api users`\?/],
    [['users', 'exprot'], /Did you mean `auth-api users export`\?/],
    [['users', 'import', 'x.csv', '--dryrun'], /Did you mean --dry-run\?/],
    [['users', 'create'], /Missing required argument: --email/],
    [['users', 'show'], /WHO/],
    [['users', 'show', 'a@example.com', 'b@example.com'], /takes no further argument/],
    [['users', 'list', '--status=asleep'], /active, disabled/],
    [['users', 'create', '--email'], /--email needs a value/],
    [['keys', 'rotate', '--now=yes'], /--now takes no value/],
    [['users', '--json'], /--json is not an option/],
  ];
  for (const [words, message] of cases) {
    const { code, stdout, stderr } = await here.run(words);
    assert.equal(code, 64, words.join(' '));
    assert.match(stderr, message);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /\n {4}at /);
  }
});

test('a wrong configuration is listed whole with exit code 78, by every command, and no secret is shown', async () => {
  const env = { NODE_ENV: 'production', SESSION_SECRET: 'tiny-but-mine', PORT: 'many' };
  for (const words of [['config', 'check'], ['users', 'list'], ['serve']]) {
    const { code, stdout, stderr } = await here.run(words, { env });
    assert.equal(code, 78);
    assert.match(stdout + stderr, /PORT is "many"/);
    assert.match(stdout + stderr, /ENCRYPTION_KEY is missing/);
    assert.doesNotMatch(stdout + stderr, /tiny-but-mine/);
  }
  const { stdout } = await here.run(['config', 'check', '--json'], { env });
  assert.ok(JSON.parse(stdout).faults.length > 3);
});

test('config print shows what is in force and hides every secret', async () => {
  const secrets = {
    SESSION_SECRET: 'a'.repeat(20) + 'Bq7'.repeat(9),
    DATABASE_URL: 'postgres://me:Hush9182@db.example.com/x',
    SMTP_HOST: 'mail.example.com',
    EMAIL_SERVICE: 'smtp',
    SMTP_USER: 'me',
    SMTP_PASSWORD: 'Quiet5566',
    EMAIL_FROM: 'a@example.com',
  };
  const { code, stdout } = await here.run(['config', 'print', '--json'], { env: secrets });
  assert.equal(code, 0);
  const shown = JSON.parse(stdout);
  assert.equal(shown.PORT, here.port);
  assert.equal(shown.database.connection.host, 'db.example.com');
  assert.equal(shown.SESSION_SECRET, '(secret)');
  for (const secret of ['Hush9182', 'Quiet5566', secrets.SESSION_SECRET]) assert.ok(!stdout.includes(secret));
});

test('the reference of the settings is the one that the source generates', async () => {
  assert.equal((await here.run(['config', 'docs'])).stdout, configurationMarkdown());
  assert.match((await here.run(['config', 'docs', '--env'])).stdout, /^# ?DATABASE_URL=/m);
});

test('the contract is printed without a database and leaves no file behind', async () => {
  const clean = await place();
  const { code, stdout } = await clean.run(['openapi']);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).paths['/api/v1/auth/login'].post.responses['200'] !== undefined, true);
  assert.equal(existsSync(join(clean.folder, 'data')), false);
});

test('health says that nothing answers, and that something else does', async () => {
  const silent = await here.run(['health']);
  assert.equal(silent.code, 69);
  assert.match(silent.stderr, new RegExp(`Nothing answers on port ${here.port}`));
});

test('the doctor lists the faults of the settings and fails', async () => {
  const { code, stdout } = await here.run(['doctor'], { env: { PORT: 'many' } });
  assert.equal(code, 1);
  assert.match(stdout, /^fail {2}settings +PORT is "many"/m);
});

test('a URL that is no database is a usage error of data move, named as the option', async () => {
  const { code, stderr } = await here.run(['data', 'move', '--to=mysql://x/y']);
  assert.equal(code, 64);
  assert.match(stderr, /--to/);
});
