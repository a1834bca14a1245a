// engines: none
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { kitFaults } from '../../test/deploy/kubernetes/check.ts';
import { makeSecrets, readManifests, secretsOf } from '../../test/deploy/kubernetes/files.ts';
import type { Secrets } from '../../test/deploy/kubernetes/kit.ts';
import { type Manifest, parseManifests } from '../../test/deploy/kubernetes/manifest.ts';
import { MUTANTS, type Parts } from '../../test/deploy/kubernetes/mutants.ts';
import { strictFaults } from '../../test/deploy/kubernetes/strict.ts';

const deploy = join(import.meta.dirname, '..');
const script = join(deploy, 'k8s/make-secrets.sh');
let manifests: Manifest[];
let made: Manifest[];
let secrets: Secrets;
let folder: string;

before(() => {
  manifests = readManifests(deploy);
  made = makeSecrets(deploy);
  secrets = secretsOf(made);
  folder = mkdtempSync(join(tmpdir(), 'auth-api-k8s-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test('the manifests fit the schema of Kubernetes, the settings of the server, and each other', async () => {
  assert.deepEqual(await kitFaults({ manifests, secrets }), []);
});

test('what is made of deploy/secrets is two secrets that Kubernetes takes', async () => {
  assert.deepEqual(Object.keys(secrets), ['auth-secrets', 'auth-migration-secrets']);
  for (const secret of made) assert.deepEqual(await strictFaults(secret), []);
  assert.deepEqual(Object.keys(secrets['auth-migration-secrets'] ?? {}), ['db-owner-password']);
});

test('the example of the secrets has the same keys, and the server refuses every value in it', async () => {
  const example = parseManifests(readFileSync(join(deploy, 'k8s/secrets.example.yaml'), 'utf8'));
  for (const secret of example) assert.deepEqual(await strictFaults(secret), []);
  const shape = (one: Secrets): unknown => Object.entries(one).map(([name, values]) => [name, Object.keys(values)]);
  assert.deepEqual(shape(secretsOf(example)), shape(secrets));
  const said = (await kitFaults({ manifests, secrets: secretsOf(example) })).join('\n');
  for (const name of ['DB_PASSWORD', 'REDIS_PASSWORD', 'JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET'])
    assert.match(said, new RegExp(`Deployment/auth-api: the server refuses ${name}:`));
  assert.match(said, /Deployment\/auth-api: the server refuses ENCRYPTION_KEY:/);
  assert.match(said, /Job\/auth-migrate: the server refuses DB_PASSWORD:/);
});

for (const [mistake, make, said] of MUTANTS) {
  test(`it is found: ${mistake}`, async () => {
    const copy = structuredClone(manifests);
    const part: Parts = (kind, name) => {
      const found = copy.find((one) => one.kind === kind && (name === undefined || one.metadata.name === name));
      assert.ok(found, `${kind} ${name}`);
      return found;
    };
    make(part);
    assert.match((await kitFaults({ manifests: copy, secrets })).join('\n'), said);
  });
}

test('a file that says a thing twice, or is no YAML, is refused', () => {
  assert.throws(() => parseManifests('kind: A\nkind: B\n'), /unique/);
  assert.throws(() => parseManifests('a: [\n'));
});

test('missing, empty and unfit secret files are named all at once, and nothing is written', () => {
  const from = join(folder, 'some');
  const to = join(folder, 'never.yaml');
  mkdirSync(from);
  writeFileSync(join(from, 'redis_password.txt'), '\n');
  writeFileSync(join(from, 'csrf_secret.txt'), 'one\ntwo\n');
  const { status, stderr } = spawnSync('bash', [script, '--from', from, '--to', to], { encoding: 'utf8' });
  assert.equal(status, 78);
  assert.match(stderr, /db_owner_password\.txt is missing/);
  assert.match(stderr, /redis_password\.txt is empty/);
  assert.match(stderr, /csrf_secret\.txt has more than one line/);
  assert.throws(() => statSync(to), /ENOENT/);
});

test('the file of secrets is readable by its owner alone, and git does not see it', () => {
  const to = join(folder, 'secrets.yaml');
  const from = join(folder, 'secrets');
  mkdirSync(from);
  for (const values of Object.values(secrets))
    for (const [key, value] of Object.entries(values))
      writeFileSync(join(from, `${key.replaceAll('-', '_')}.txt`), `${value}\r\n`);
  writeFileSync(join(from, 'smtp_password.txt'), 'pässwörd "with" $signs');
  execFileSync('bash', [script, '--from', from, '--to', to, '--namespace', 'auth-staging'], { stdio: 'pipe' });
  assert.equal(statSync(to).mode & 0o777, 0o600);
  const written = parseManifests(readFileSync(to, 'utf8'));
  assert.deepEqual(new Set(written.map(({ metadata }) => metadata.namespace)), new Set(['auth-staging']));
  const { 'smtp-password': password, ...others } = secretsOf(written)['auth-secrets'] ?? {};
  assert.equal(password, 'pässwörd "with" $signs');
  assert.deepEqual(others, secrets['auth-secrets']);
  execFileSync('git', ['check-ignore', '--no-index', '-q', 'deploy/k8s/secrets.yaml'], { cwd: join(deploy, '..') });
});

test('wrong arguments of the script end with 64', () => {
  for (const args of [['--form', 'a'], ['--from'], ['--namespace', 'Not One']])
    assert.equal(spawnSync('bash', [script, ...args]).status, 64, args.join(' '));
});

test('a folder that cannot be written to is said, and the old file is kept', () => {
  const { status, stderr } = spawnSync(
    'bash',
    [script, '--from', join(folder, 'secrets'), '--to', '/proc/none/secrets.yaml'],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 74, stderr);
  assert.match(stderr, /\/proc\/none cannot be written to/);
});
