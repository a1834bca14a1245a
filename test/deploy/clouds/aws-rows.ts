import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row, RowContext } from '../row.ts';
import { aws, type Env, startAws, without } from './tools.ts';
import { at, isObject } from './vendor.ts';

const NETWORK = { PUBLIC_URL: 'https://auth.example.com', EMAIL_FROM: 'Example <no-reply@example.com>' };

interface Place {
  readonly env: Env;
  /** Every command that the scripts gave. */
  readonly calls: () => string;
}

/**
 * The emulator lacks three commands of ElastiCache. For these, aws itself checks the arguments against Amazon's model
 * and answers with a sample, without a request. Of a task it knows the first container only, so that the exit code of
 * the second is said here, and it starts no task of a service, so that the service is said to be stable, with its own task definition.
 */
const SHIM = `#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$CALLS"
case "$1 $2" in
  'elasticache create-user-group' | 'elasticache create-cache-parameter-group' | 'elasticache modify-cache-parameter-group')
    exec "$REAL_AWS" "$@" --generate-cli-skeleton output ;;
  'ecs wait') [[ "$3" != services-stable ]] || exit 0 ;;
  'ecs describe-services')
    [[ "$*" != *PRIMARY* ]] ||
      exec "$REAL_AWS" "\${@:1:6}" --query 'services[0].taskDefinition' --output text ;;
  'ecs describe-tasks') [[ "$*" != *exitCode* ]] || { "$REAL_AWS" "$@" >/dev/null && echo 0; exit; } ;;
esac
exec "$REAL_AWS" "$@"
`;

async function place(t: RowContext): Promise<Place> {
  const cloud = await startAws(t);
  const shim = join(t.scratch, 'bin');
  await t.sh(`mkdir -p ${shim}`);
  writeFileSync(join(shim, 'aws'), SHIM);
  chmodSync(join(shim, 'aws'), 0o755);
  const real = (await t.sh('command -v aws')).stdout.trim();
  const calls = join(t.scratch, 'calls');
  writeFileSync(calls, '');
  const env = { ...cloud, PATH: `${shim}:${process.env.PATH}`, REAL_AWS: real, CALLS: calls };
  return { env, calls: () => readFileSync(calls, 'utf8') };
}

async function network(t: RowContext, env: Env): Promise<Record<string, string>> {
  const vpc = await aws(t, env, "ec2 describe-vpcs --query 'Vpcs[0].VpcId' --output text");
  const [a = '', b = ''] = (await aws(t, env, "ec2 describe-subnets --query 'Subnets[].SubnetId' --output text")).split(
    /\s+/,
  );
  const group = await aws(
    t,
    env,
    `ec2 create-security-group --group-name tasks --description tasks --vpc-id ${vpc} --query GroupId --output text`,
  );
  const target = await aws(
    t,
    env,
    `elbv2 create-target-group --name auth-api --protocol HTTP --port 3000 --target-type ip --vpc-id ${vpc} \
      --query 'TargetGroups[0].TargetGroupArn' --output text`,
  );
  await aws(
    t,
    env,
    `rds create-db-subnet-group --db-subnet-group-name auth-subnet-group --db-subnet-group-description x --subnet-ids ${a} ${b}`,
  );
  await aws(
    t,
    env,
    `elasticache create-cache-subnet-group --cache-subnet-group-name auth-cache-subnet-group \
      --cache-subnet-group-description x --subnet-ids ${a} ${b}`,
  );
  return {
    SUBNET_A: a,
    SUBNET_B: b,
    SECURITY_GROUP: group,
    SECURITY_GROUP_DB: group,
    SECURITY_GROUP_CACHE: group,
    TARGET_GROUP_ARN: target,
  };
}

/** From nothing to a service that runs, by the scripts alone; then once more, as a new version. */
async function wholeWay(t: RowContext): Promise<void> {
  const { env, calls } = await place(t);
  const folder = join(t.deploy, 'aws');
  const authority = join(t.scratch, 'rds-ca.pem');
  writeFileSync(authority, '-----BEGIN CERTIFICATE-----\n');
  const all: Env = { ...env, ...NETWORK, ...(await network(t, env)), RDS_CA_FILE: authority };
  await t.sh(`${folder}/secrets.sh create`, { env: all });
  await t.sh(`${folder}/create-rds.sh`, { env: all });
  await t.sh(`${folder}/create-elasticache.sh`, { env: all });
  const database: unknown = JSON.parse(await aws(t, env, "rds describe-db-instances --query 'DBInstances[0]'"));
  for (const [name, wanted] of [
    ['Engine', 'postgres'],
    ['StorageType', 'gp3'],
    ['StorageEncrypted', true],
    ['MultiAZ', true],
    ['PubliclyAccessible', false],
    ['DeletionProtection', true],
    ['BackupRetentionPeriod', 7],
  ] as const)
    assert.equal(at(database, name), wanted, name);
  assert.match(String(at(database, 'EngineVersion')), /^17/);
  assert.ok(at(database, 'MasterUserSecret', 'SecretArn'), 'nobody keeps the master password');
  const cache: unknown = JSON.parse(
    await aws(t, env, "elasticache describe-replication-groups --query 'ReplicationGroups[0]'"),
  );
  for (const name of ['TransitEncryptionEnabled', 'AtRestEncryptionEnabled']) assert.equal(at(cache, name), true, name);

  await aws(t, env, 'ecs create-cluster --cluster-name auth-api');
  const release = {
    ...all,
    IMAGE: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/auth-api:1.0.0',
    TRUSTED_PROXIES: '172.31.0.0/16',
    DB_HOST: String(at(database, 'Endpoint', 'Address')),
    REDIS_HOST: 'auth-redis.example.com',
    EXECUTION_ROLE_ARN: 'arn:aws:iam::123456789012:role/execution',
    TASK_ROLE_ARN: 'arn:aws:iam::123456789012:role/task',
  };
  await t.sh(`${folder}/deploy-ecs.sh`, { env: release, seconds: 120 });
  await t.sh(`${folder}/deploy-ecs.sh`, {
    env: { ...release, IMAGE: release.IMAGE.replace('1.0.0', '1.1.0') },
    seconds: 120,
  });
  const service: unknown = JSON.parse(
    await aws(t, env, "ecs describe-services --cluster auth-api --services auth-api --query 'services[0]'"),
  );
  assert.match(String(at(service, 'taskDefinition')), /task-definition\/auth-api:2$/);
  assert.equal(at(service, 'desiredCount'), 3);
  await nothingSecretSeen(t, env, calls());
  t.figure('commands', calls().trim().split('\n').length);
}

async function nothingSecretSeen(t: RowContext, env: Env, calls: string): Promise<void> {
  const names = (await aws(t, env, "secretsmanager list-secrets --query 'SecretList[].Name' --output text")).split(
    /\s+/,
  );
  assert.ok(names.length >= 9, names.join(' '));
  for (const name of names) {
    const value = await aws(
      t,
      env,
      `secretsmanager get-secret-value --secret-id '${name}' --query SecretString --output text`,
    );
    assert.ok(!calls.includes(value), `${name} stood in an argument`);
  }
}

/** The rotation that docs/guides/secrets.md describes, on the store itself. */
async function rotation(t: RowContext): Promise<void> {
  const env = await startAws(t);
  const script = join(t.deploy, 'aws/secrets.sh');
  const value = (): Promise<string> =>
    aws(
      t,
      env,
      'secretsmanager get-secret-value --secret-id auth-api/session-secret --query SecretString --output text',
    );
  await t.sh(`${script} create`, { env });
  const first = await value();
  await t.sh(`${script} create`, { env });
  assert.equal(await value(), first, 'a secret that exists was made anew');
  await t.sh(`${script} rotate session-secret`, { env });
  const both = await value();
  assert.match(both, new RegExp(`^[0-9a-f]{64},${first}$`));
  await t.sh(`${script} retire session-secret`, { env });
  assert.equal(await value(), both.split(',')[0]);
  const arns = await t.sh(`${script} arns`, { env });
  assert.match(arns.stdout, /^SESSION_SECRET_ARN=arn:aws:secretsmanager:/m);
}

/** Amazon's model finds what does not belong into a definition. */
async function definitions(t: RowContext): Promise<void> {
  const env = await startAws(t);
  const mutants: readonly (readonly [string, string, RegExp])[] = [
    ['"stopTimeout": 35', '"stopTimeOut": 35', /Unknown parameter.*stopTimeOut/],
    ['"memory": 1536', '"memory": "1536"', /Invalid type.*memory/],
    ['"family": "auth-api",\n', '', /Missing required parameter.*family/],
  ];
  const text = readFileSync(join(t.deploy, 'aws/ecs-task-definition.json'), 'utf8');
  for (const [from, to, fault] of mutants) {
    assert.ok(text.includes(from), from);
    const path = join(t.scratch, 'task.json');
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
    const command = `aws ecs register-task-definition --cli-input-json file://${path}`;
    const { status, stderr } = await t.sh(command, { env, ok: false });
    assert.notEqual(status, 0, to);
    assert.match(stderr, fault);
  }
  t.figure('mutants found', mutants.length);
}

const capital = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;

function capitals(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(capitals);
  if (!isObject(value)) return value;
  // What a log driver takes is its own affair.
  const entries = Object.entries(value).map(([key, inner]) => [
    capital(key),
    key === 'options' ? inner : capitals(inner),
  ]);
  return Object.fromEntries(entries);
}

/** cfn-lint knows what the interface's model does not: sizes of Fargate, versions of engines, words in place of texts. */
async function lint(t: RowContext): Promise<void> {
  const template = (change: (text: string) => string): string => {
    const task = (file: string): unknown =>
      capitals(
        JSON.parse(
          change(
            readFileSync(join(t.deploy, 'aws', file), 'utf8')
              .replaceAll(/\$\{[A-Z_]+_ARN\}/g, ARN)
              .replaceAll(/\$\{[A-Z_]+\}/g, 'x'),
          ),
        ),
      );
    return JSON.stringify({
      AWSTemplateFormatVersion: '2010-09-09',
      Resources: {
        Server: { Type: 'AWS::ECS::TaskDefinition', Properties: task('ecs-task-definition.json') },
        Migration: { Type: 'AWS::ECS::TaskDefinition', Properties: task('ecs-migrate-task-definition.json') },
      },
    });
  };
  const check = async (text: string): Promise<{ status: number; stdout: string }> => {
    const path = join(t.scratch, 'template.json');
    writeFileSync(path, text);
    return await t.sh(`cfn-lint --regions eu-central-1 --template ${path}`, { ok: false });
  };
  const good = await check(template((text) => text));
  assert.equal(good.status, 0, good.stdout);
  const bad = await check(template((text) => text.replace('"cpu": "1024"', '"cpu": "300"')));
  assert.notEqual(bad.status, 0, 'a size that Fargate does not have is not found out');
}

const ARN = 'arn:aws:iam::123456789012:role/x';

export const awsRows: readonly Row[] = [
  {
    name: 'AWS: secrets, database, cache, migration, service and a new version of it, by the scripts, on moto',
    timeout: 300,
    skipUnless: without('aws', 'moto_server'),
    run: wholeWay,
  },
  {
    name: 'AWS: a list of secrets is rotated and retired on moto',
    skipUnless: without('aws', 'moto_server'),
    run: rotation,
  },
  {
    name: "AWS: Amazon's own model finds faults in a definition",
    skipUnless: without('aws', 'moto_server'),
    run: definitions,
  },
  { name: 'AWS: cfn-lint has no objection to the task definitions', skipUnless: without('cfn-lint'), run: lint },
];
