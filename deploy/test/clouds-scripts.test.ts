// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const deploy = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'auth-api-cloud-scripts-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Stands for aws, gcloud and az: notes how it was called and what was in the files, and answers as it is told to. */
const STAND_IN = `#!/usr/bin/env bash
printf '%s %s\\n' "\${0##*/}" "$*" >>"$CALLS"
env >>"$CALLS.env"
for word in "$@"; do
  path=\${word#file://}
  if [[ $path == /tmp/* && -f $path ]]; then cat "$path" >>"$CALLS.files"; printf '\\n' >>"$CALLS.files"; fi
done
while IFS='|' read -r pattern status answer || [[ -n $pattern ]]; do
  if [[ "\${0##*/} $*" == *"$pattern"* ]]; then
    if ((status)); then printf '%s\\n' "$answer" >&2; else printf '%s\\n' "$answer"; fi
    exit "$status"
  fi
done <"$ANSWERS"
exit 0
`;
for (const name of ['aws', 'gcloud', 'az']) {
  writeFileSync(join(folder, name), STAND_IN);
  chmodSync(join(folder, name), 0o755);
}

const VARIABLES: Readonly<Record<string, string>> = {
  AWS_REGION: 'eu-central-1',
  IMAGE: 'registry.example.com/auth-api@sha256:0123',
  PUBLIC_URL: 'https://auth.example.com',
  EMAIL_FROM: 'Example <no-reply@example.com>',
  TRUSTED_PROXIES: '10.0.0.0/24,10.0.1.0/24',
  DB_HOST: 'db.example.com',
  REDIS_HOST: 'redis.example.com',
  EXECUTION_ROLE_ARN: 'arn:aws:iam::123456789012:role/execution',
  TASK_ROLE_ARN: 'arn:aws:iam::123456789012:role/task',
  SUBNET_A: 'subnet-0a',
  SUBNET_B: 'subnet-0b',
  SECURITY_GROUP: 'sg-0a',
  SECURITY_GROUP_DB: 'sg-0b',
  SECURITY_GROUP_CACHE: 'sg-0c',
  TARGET_GROUP_ARN: 'arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/auth-api/1',
  PROJECT: 'example-project',
  REGION: 'europe-west1',
  SMTP_HOST: 'smtp.example.com',
  SMTP_USER: 'auth-api',
  DB_INSTANCE: 'example-project:europe-west1:auth-db',
  RESOURCE_GROUP: 'auth',
  LOCATION: 'westeurope',
  REGISTRY: 'example.azurecr.io',
  VAULT: 'example-kv',
  IDENTITY_ID:
    '/subscriptions/s/resourceGroups/auth/providers/Microsoft.ManagedIdentity/userAssignedIdentities/auth-api',
  IDENTITY_CLIENT_ID: '00000000-0000-0000-0000-000000000000',
  ENVIRONMENT_ID: '/subscriptions/s/environment',
  SUBNET_ID: '/subscriptions/s/subnet',
  SERVER_NAME: 'example-db',
  DB_SUBNET_ID: '/subscriptions/s/db-subnet',
  DNS_ZONE_ID: '/subscriptions/s/zone',
  ADMIN_GROUP_ID: '00000000-0000-0000-0000-000000000001',
  ADMIN_GROUP_NAME: 'database administrators',
  REDIS_NAME: 'example-redis',
  ENDPOINT_SUBNET_ID: '/subscriptions/s/endpoint-subnet',
  REDIS_DNS_ZONE_ID: '/subscriptions/s/redis-zone',
};

interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  readonly calls: string;
  /** What the files held that were named on command lines. */
  readonly files: string;
  readonly environment: string;
}

let runs = 0;
type Options = { env?: Record<string, string>; answers?: string; input?: string };

function run(
  script: string,
  words: readonly string[],
  { env = VARIABLES, answers = '', input = '' }: Options = {},
): Ran {
  const calls = join(folder, `calls-${runs++}`);
  writeFileSync(`${calls}.answers`, answers);
  const { status, stdout, stderr } = spawnSync(join(deploy, script), words, {
    cwd: tmpdir(),
    env: { PATH: `${folder}:/usr/bin:/bin`, CALLS: calls, ANSWERS: `${calls}.answers`, WAIT_SECONDS: '1', ...env },
    input,
    encoding: 'utf8',
    timeout: 60_000,
  });
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8') : '');
  return {
    status,
    out: stdout,
    err: stderr,
    calls: read(calls),
    files: read(`${calls}.files`),
    environment: read(`${calls}.env`),
  };
}

const SCRIPTS: readonly (readonly [script: string, ...words: string[]])[] = [
  ['aws/create-rds.sh'],
  ['aws/create-elasticache.sh'],
  ['aws/create-elasticache.sh', '--users-only'],
  ['aws/secrets.sh', 'create'],
  ['aws/secrets.sh', 'rotate', 'session-secret'],
  ['aws/secrets.sh', 'retire', 'session-secret'],
  ['aws/secrets.sh', 'arns'],
  ['aws/deploy-ecs.sh'],
  ['gcp/create-sql.sh'],
  ['gcp/create-redis.sh'],
  ['gcp/secrets.sh', 'create'],
  ['gcp/secrets.sh', 'rotate', 'session-secret'],
  ['gcp/deploy.sh'],
  ['gcp/update-service.sh', 'set', 'LOG_LEVEL=debug'],
  ['gcp/update-service.sh', 'canary', 'auth-api-00002-abc', '10'],
  ['azure/create-postgres.sh'],
  ['azure/create-redis.sh'],
  ['azure/secrets.sh', 'create'],
  ['azure/secrets.sh', 'retire', 'encryption-key'],
  ['azure/deploy.sh'],
  ['azure/deploy.sh', '--instances'],
];

for (const [script, ...words] of SCRIPTS) {
  test(`${[script, ...words].join(' ')} --dry-run prints commands and calls nobody`, () => {
    const { status, out, err, calls } = run(script, [...words, '--dry-run']);
    assert.equal(status, 0, err);
    assert.equal(calls, '');
    assert.match(out, /^(aws|gcloud|az|curl) /);
  });

  test(`${[script, ...words].join(' ')} names every variable that is missing, at once, and changes nothing`, () => {
    const { status, err, calls } = run(script, words, { env: {} });
    assert.equal(status, 78, err);
    assert.equal(calls, '');
    assert.match(err, /is not set; expected: /);
  });
}

const each = [...new Set(SCRIPTS.map(([script]) => script))];
test('every script explains itself, and refuses what it does not know', () => {
  for (const script of each) {
    assert.match(run(script, ['--help'], { env: {} }).out, /^Usage: /, script);
    assert.equal(run(script, ['--no-such-option']).status, 64, script);
  }
});

test('an image without a version, and a wrong form, are told together', () => {
  for (const script of ['aws/deploy-ecs.sh', 'azure/deploy.sh']) {
    const env = { ...VARIABLES, IMAGE: 'example.azurecr.io/auth-api:latest', PUBLIC_URL: 'http://auth.example.com' };
    const { status, err, calls } = run(script, [], { env });
    assert.equal(status, 78);
    assert.match(err, /IMAGE names no version[\s\S]*PUBLIC_URL has the wrong form/);
    assert.equal(calls, '');
  }
});

const SECRET = 'c0ffee'.repeat(8);
const ROTATIONS = [
  ['aws/secrets.sh', `aws secretsmanager get-secret-value|0|${SECRET}`],
  ['gcp/secrets.sh', `versions access|0|${SECRET}`],
  ['azure/secrets.sh', `az keyvault secret show|0|${SECRET}`],
] as const;

for (const [script, answer] of ROTATIONS) {
  test(`${script} rotate puts a new value in front of the old one, in no argument and in nobody's environment`, () => {
    const { status, err, out, calls, files, environment } = run(script, ['rotate', 'session-secret'], {
      answers: answer,
    });
    assert.equal(status, 0, err);
    const [, fresh = ''] = new RegExp(`^([0-9a-f]{64}),${SECRET}$`, 'm').exec(files) ?? [];
    assert.match(fresh, /^[0-9a-f]{64}$/, files);
    for (const text of [calls, environment, out, err]) {
      assert.ok(!text.includes(SECRET) && !text.includes(fresh), 'a secret is seen');
    }
  });

  test(`${script} retire keeps the newest value only, and says where there is no other`, () => {
    const done = run(script, ['retire', 'session-secret'], { answers: `${answer},${'0ld5'.repeat(9)}` });
    assert.equal(done.status, 0, done.err);
    assert.equal(done.files.trim(), SECRET);
    const alone = run(script, ['retire', 'session-secret'], { answers: answer });
    assert.equal(alone.status, 1);
    assert.match(alone.err, /has one value only/);
    assert.equal(alone.files, '');
  });

  test(`${script}: a store that does not answer changes nothing and ends with 69`, () => {
    const pattern = answer.split('|')[0];
    const { status, files } = run(script, ['rotate', 'csrf-secret'], { answers: `${pattern}|255|Unable to connect` });
    assert.equal(status, 69);
    assert.equal(files, '');
  });
}

test('an empty answer of a store is not taken for a list', () => {
  for (const [script] of ROTATIONS) {
    const { status, err, files } = run(script, ['rotate', 'session-secret']);
    assert.equal(status, 69, script);
    assert.match(err, /gave nothing/);
    assert.equal(files, '');
  }
});

test('secrets that exist are not made again; an answer that is neither yes nor no stops', () => {
  const there = run('aws/secrets.sh', ['create'], { answers: 'describe-secret|0|arn:aws:x' });
  assert.equal(there.status, 0);
  assert.doesNotMatch(there.calls, /create-secret/);
  const none = run('aws/secrets.sh', ['create'], { answers: 'describe-secret|254|ResourceNotFoundException' });
  assert.equal(none.calls.match(/create-secret/g)?.length, 9);
  const refused = run('aws/secrets.sh', ['create'], { answers: 'describe-secret|254|AccessDeniedException' });
  assert.equal(refused.status, 69);
  assert.match(refused.err, /AccessDenied/);
  assert.doesNotMatch(refused.calls, /create-secret/);
});

const ECS = `describe-secret|0|arn:aws:secretsmanager:eu-central-1:123456789012:secret:x
get-parameter|0|arn:aws:ssm:eu-central-1:123456789012:parameter/auth-api/db-ca
-file://|0|
ecs-migrate-task-definition.json|0|migrate:2
ecs-task-definition.json|0|server:2
run-task|0|task-1
`;

test('ECS: a migration that fails stops before the service is touched', () => {
  const { status, err, calls } = run('aws/deploy-ecs.sh', [], { answers: `${ECS}exitCode|0|1\n` });
  assert.equal(status, 1);
  assert.match(err, /migration ended with exit code 1/);
  assert.doesNotMatch(calls, /update-service|create-service/);
});

test('ECS: a version that is rolled back by ECS ends with 1', () => {
  const answers = `${ECS}exitCode|0|0\nservices[0].status|0|ACTIVE\ndesiredCount|0|7\ndeployments|0|server:1\n`;
  const { status, err, calls } = run('aws/deploy-ecs.sh', [], { answers });
  assert.equal(status, 1);
  assert.match(err, /rolled back to server:1/);
  assert.match(calls, /update-service .*--desired-count 7 .*rollback=true/);
});

test('ECS: the first deployment makes the service, behind the balancer, after the migration', () => {
  const answers = `${ECS}exitCode|0|0\nservices[0].status|0|None\ndeployments|0|server:2\n`;
  const { status, err, calls, files } = run('aws/deploy-ecs.sh', [], { answers });
  assert.equal(status, 0, err);
  assert.ok(calls.indexOf('run-task') < calls.indexOf('create-service'));
  assert.match(files, /"deploymentCircuitBreaker"/);
  assert.doesNotMatch(files, /\$\{[A-Z_]+\}/);
});

test('Container Apps: a migration that fails, or never ends, stops before the app is touched', () => {
  for (const state of ['Failed', 'Running']) {
    const answers = `job start|0|auth-api-migrate-1\njob execution show|0|${state}\n`;
    const { status, err, calls } = run('azure/deploy.sh', [], { answers });
    assert.equal(status, 1, err);
    assert.match(err, new RegExp(`last state was: ${state}`));
    assert.doesNotMatch(calls, /containerapp (?:update|create)/);
  }
});

test('Container Instances: the exit code of the migration decides', () => {
  const state = 'currentState.state|0|Terminated\n';
  const failed = run('azure/deploy.sh', ['--instances'], { answers: `${state}exitCode|0|69\n` });
  assert.equal(failed.status, 1);
  assert.match(failed.err, /exit code 69/);
  assert.doesNotMatch(failed.calls, /azure-container-instances\.yaml/);
});

test('Cloud Run: settings are added to, a secret is not set in the open, a moving version is refused', () => {
  const set = run('gcp/update-service.sh', [
    'set',
    'LOG_LEVEL=debug',
    'CORS_ORIGIN=https://a.example,https://b.example',
  ]);
  assert.equal(set.status, 0, set.err);
  assert.match(set.calls, /--update-env-vars=\^\|\^CORS_ORIGIN=https:\/\/a\.example,https:\/\/b\.example/);
  for (const words of [
    ['set', 'SESSION_SECRET=x'],
    ['set', 'DATABASE_URL=x'],
    ['secret', 'SESSION_SECRET=auth-api-session-secret:latest'],
    ['canary', 'r', '101'],
  ]) {
    const { status, calls } = run('gcp/update-service.sh', words);
    assert.equal(status, 64, words.join(' '));
    assert.equal(calls, '');
  }
});

test('Cloud Build is given a version of every secret, and the root of the repository', () => {
  const { status, err, calls } = run('gcp/deploy.sh', [], { answers: 'versions list|0|12\n' });
  assert.equal(status, 0, err);
  assert.equal(calls.match(/_V_[A-Z_]+=12/g)?.length, 9);
  assert.match(calls, /builds submit .*\/deploy\/gcp\/\.\.\/\.\.$/m);
  const none = run('gcp/deploy.sh', []);
  assert.equal(none.status, 69);
  assert.match(none.err, /has no version/);
});
