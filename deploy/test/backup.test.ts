// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const deploy = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'auth-api-backup-test-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

const BASE = { PATH: process.env.PATH ?? '', TMPDIR: scratch, BACKUP_DIR: join(scratch, 'backups') };

function run(script: string, words: readonly string[] = [], env: Record<string, string> = {}) {
  // From another folder: the scripts find what belongs to them.
  const done = spawnSync(join(deploy, script), words, { cwd: '/', encoding: 'utf8', env: { ...BASE, ...env } });
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

function shell(text: string, env: Record<string, string> = {}) {
  const all = `set -euo pipefail; source ${deploy}/lib/backup-common.sh; ${text}`;
  return spawnSync('bash', ['-c', all], { encoding: 'utf8', env: { ...BASE, ...env } });
}

/** A PATH with nothing but these programs. */
function only(name: string, programs: readonly string[]): string {
  const folder = join(scratch, name);
  mkdirSync(folder);
  for (const program of programs) {
    const found = spawnSync('bash', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
    symlinkSync(found, join(folder, program));
  }
  return folder;
}

const scripts = ['backup-db.sh', 'backup-config.sh', 'restore-db.sh', 'restore-drill.sh'];

test('every script says how it is used, with its exit codes, and refuses what it does not know', () => {
  for (const script of scripts) {
    const help = run(script, ['--help']);
    assert.equal(help.status, 0);
    assert.match(help.stdout, new RegExp(`^Usage: ${script}`));
    assert.match(help.stdout, /Exit codes: 0 done/);
    const odd = run(script, ['--colour']);
    assert.equal(odd.status, 64, script);
    assert.match(odd.stderr, /--colour is not understood/);
  }
});

test('every wrong setting is named at once, and a password in the environment is one', () => {
  const { status, stderr } = run('backup-db.sh', [], {
    DB_NAME: 'auth db;',
    DB_PORT: 'http',
    DB_PASSWORD: 'Quokka-lantern',
    DB_PASSWORD_FILE: join(scratch, 'none'),
    RETENTION_DAYS: '-1',
    AGE_RECIPIENTS: 'AGE-SECRET-KEY-1QQ',
    BACKUP_HMAC_KEY_FILE: join(scratch, 'none'),
    S3_URI: 'https://bucket',
  });
  assert.equal(status, 78);
  for (const name of [
    'DB_NAME',
    'DB_PORT',
    'DB_PASSWORD',
    'DB_PASSWORD_FILE',
    'RETENTION_DAYS',
    'AGE_RECIPIENTS',
    'BACKUP_HMAC_KEY_FILE',
    'S3_URI',
  ])
    assert.match(stderr, new RegExp(`: ${name} `), name);
  assert.doesNotMatch(stderr, /Quokka/);
});

test('a program that is missing is named with its package', () => {
  const coreutils = [
    'bash',
    'cat',
    'cut',
    'date',
    'dirname',
    'id',
    'mkdir',
    'mktemp',
    'rm',
    'sed',
    'sort',
    'stat',
    'tail',
    'tr',
    'grep',
  ];
  const PATH = only('bare', coreutils);
  const { status, stderr } = run('backup-db.sh', [], { PATH, AGE_RECIPIENTS: 'age1qqq', S3_URI: 's3://backups' });
  assert.equal(status, 78);
  for (const [program, name] of [
    ['psql', 'postgresql-client'],
    ['pg_dump', 'postgresql-client'],
    ['age', 'age'],
    ['aws', 'awscli'],
    ['flock', 'util-linux'],
  ])
    assert.match(stderr, new RegExp(`${program} is missing, .*apt-get install ${name}`), program);
});

test('a restore wants to be told which backup, and a name that needs no quotes', () => {
  assert.match(run('restore-db.sh').stderr, /say which backup/);
  const { status, stderr } = run('restore-db.sh', ['a', 'b', '--into', 'x"; DROP', '--terminate']);
  assert.equal(status, 64);
  for (const fault of [/b is too much/, /--into/, /--terminate belongs to --swap/]) assert.match(stderr, fault);
});

test('the signature is the HMAC-SHA-256 of RFC 2104, for short, long and binary keys', () => {
  const text = Buffer.from('what is signed\n\0\xff', 'latin1');
  writeFileSync(join(scratch, 'text'), text);
  const keys = [
    Buffer.alloc(20, 0x0b),
    Buffer.from('Jefe'),
    Buffer.alloc(131, 0xaa),
    Buffer.from([0, 1, 37, 92, 255]),
    Buffer.alloc(64, 0x41),
  ];
  for (const key of keys) {
    writeFileSync(join(scratch, 'key'), Buffer.concat([key, Buffer.from('\n')]));
    const { stdout, stderr } = shell(`hmac_file ${scratch}/key ${scratch}/text`);
    assert.equal(stdout.trim(), createHmac('sha256', key).update(text).digest('hex'), stderr);
  }
});

test('what is not whole is not looked at any further', () => {
  const folder = join(scratch, 'auth_db_20260101T000000Z');
  mkdirSync(folder);
  writeFileSync(join(folder, 'manifest.json'), '{}');
  for (const [file, says] of [
    ['none', /lacks database\.dump/],
    ['database.dump', /lacks SHA256SUMS/],
  ] as const) {
    if (file !== 'none') writeFileSync(join(folder, file), 'x');
    const { status, stderr } = run('restore-db.sh', [folder, '--check'], { PATH: `${fakeClients()}:${BASE.PATH}` });
    assert.equal(status, 65);
    assert.match(stderr, says);
  }
});

let clients: string | undefined;
/** For what is refused before any of them is called. */
function fakeClients(): string {
  if (clients !== undefined) return clients;
  clients = join(scratch, 'clients');
  mkdirSync(clients);
  for (const name of ['psql', 'pg_dump', 'pg_restore'])
    writeFileSync(join(clients, name), '#!/bin/sh\nexit 99\n', { mode: 0o755 });
  return clients;
}

test('the crontab runs scripts that exist, one at a time, and leaves no per cent sign to cron', () => {
  const lines = readFileSync(join(deploy, 'backup.cron'), 'utf8').split('\n');
  const jobs = lines.filter((line) => /^#? ?\d+ \d+ /.test(line));
  assert.equal(jobs.length, 5);
  for (const job of jobs) {
    assert.match(job, /^#? ?\d+ \d+ (\*|1-7) \* \* +root /);
    assert.doesNotMatch(job, /[^\\]%/);
    for (const [, script] of job.matchAll(/\$DEPLOY\/([a-z-]+\.sh)/g)) assert.ok(scripts.includes(script as string));
  }
  assert.ok(lines.some((line) => line.startsWith('MAILTO=')));
  const texts = jobs.map((job) => job.replace(/^.*? root +/, '').replaceAll('\\%', '%'));
  for (const text of texts) assert.equal(spawnSync('bash', ['-n', '-c', text]).status, 0, text);
});
