import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row, RowContext } from '../row.ts';
import { aws, type Env, pluginFolder, startAws, without, withoutProvider } from './tools.ts';
import { at, isObject } from './vendor.ts';

const QUIET: Env = { TF_IN_AUTOMATION: '1', TF_INPUT: '0', CHECKPOINT_DISABLE: '1', TF_CLI_CONFIG_FILE: '/dev/null' };

async function formatted(t: RowContext): Promise<void> {
  for (const cloud of ['aws', 'gcp', 'azure'])
    await t.sh(`terraform fmt -check -diff ${join(t.deploy, cloud, 'terraform')}`, { env: QUIET });
}

/** The module and what it reads, in a folder of its own: nothing of Terraform's is left in the checkout. */
async function copied(t: RowContext): Promise<string> {
  const folder = join(t.scratch, 'aws');
  mkdirSync(folder);
  for (const name of ['ecs-task-definition.json', 'ecs-migrate-task-definition.json', 'terraform'])
    cpSync(join(t.deploy, 'aws', name), join(folder, name), { recursive: true });
  return join(folder, 'terraform');
}

async function init(t: RowContext, folder: string, env: Env = {}): Promise<void> {
  const plugins = pluginFolder();
  assert.ok(plugins, 'the provider hashicorp/aws is in no folder of plugins; TF_PLUGIN_DIR may name one');
  await t.sh(`terraform init -no-color -plugin-dir=${plugins}`, { cwd: folder, env: { ...QUIET, ...env } });
}

async function valid(t: RowContext): Promise<void> {
  const folder = await copied(t);
  await init(t, folder);
  await t.sh('terraform validate -no-color', { cwd: folder, env: QUIET });
  const file = join(folder, 'data.tf');
  writeFileSync(file, readFileSync(file, 'utf8').replace('storage_encrypted', 'storage_encryption'));
  const { status } = await t.sh('terraform validate -no-color', { cwd: folder, env: QUIET, ok: false });
  assert.equal(status, 1, 'an argument that does not exist is not found out');
}

interface Network {
  readonly vpc: string;
  readonly subnets: readonly string[];
}

async function variables(t: RowContext, env: Env, folder: string): Promise<Network> {
  const vpc = await aws(t, env, "ec2 describe-vpcs --query 'Vpcs[0].VpcId' --output text");
  const subnets = (await aws(t, env, "ec2 describe-subnets --query 'Subnets[].SubnetId' --output text")).split(/\s+/);
  const certificate = await aws(
    t,
    env,
    'acm request-certificate --domain-name auth.example.com --query CertificateArn --output text',
  );
  const values = {
    region: 'eu-central-1',
    vpc_id: vpc,
    public_subnet_ids: subnets,
    private_subnet_ids: subnets,
    trusted_proxies: ['172.31.0.0/16'],
    certificate_arn: certificate,
    public_url: 'https://auth.example.com',
    email_from: 'Example <no-reply@example.com>',
    image: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/auth-api:1.0.0',
  };
  writeFileSync(join(folder, 'test.auto.tfvars.json'), JSON.stringify(values));
  return { vpc, subnets };
}

/** The provider waits a minute for a balancer, whatever AWS says; one that is there already it only looks at. */
async function balancer(t: RowContext, env: Env, folder: string, { vpc, subnets }: Network): Promise<void> {
  const group = await aws(
    t,
    env,
    `ec2 create-security-group --group-name auth-api-balancer --description 'The load balancer of auth-api' --vpc-id ${vpc} \
      --tag-specifications 'ResourceType=security-group,Tags=[{Key=application,Value=auth-api}]' --query GroupId --output text`,
  );
  const arn = await aws(
    t,
    env,
    `elbv2 create-load-balancer --name auth-api --type application --subnets ${subnets.join(' ')} \
      --security-groups ${group} --tags Key=application,Value=auth-api --query 'LoadBalancers[0].LoadBalancerArn' --output text`,
  );
  await aws(
    t,
    env,
    `elbv2 modify-load-balancer-attributes --load-balancer-arn ${arn} --attributes \
      Key=deletion_protection.enabled,Value=true Key=routing.http.drop_invalid_header_fields.enabled,Value=true`,
  );
  imports(folder, { 'aws_lb.auth': arn, 'aws_security_group.balancer': group });
}

function imports(folder: string, ids: Readonly<Record<string, string>>): void {
  const blocks = Object.entries(ids).map(([to, id]) => `import {\n  to = ${to}\n  id = "${id}"\n}\n`);
  writeFileSync(join(folder, 'imports.tf'), blocks.join(''));
}

/** What the emulator takes, but does not remember of a service. */
const FORGOTTEN = `resource "aws_ecs_service" "auth" {
  lifecycle {
    ignore_changes = [
      task_definition, desired_count, availability_zone_rebalancing, enable_ecs_managed_tags,
      health_check_grace_period_seconds,
    ]
  }
}
`;

/**
 * Everything is really made in the emulator but the database and the cache, which are given as names, since it keeps too
 * little of them for a second plan (the next row compares the database by a plan), and the scaling, whose tags it cannot
 * tell.
 */
async function applied(t: RowContext): Promise<void> {
  const env = { ...QUIET, ...(await startAws(t)) };
  const folder = await copied(t);
  writeFileSync(
    join(folder, 'data.tf'),
    'locals {\n  db_host = "db.example.com"\n  db_master_secret_arn = "x"\n  redis_host = "redis.example.com"\n}\n',
  );
  const service = join(folder, 'service.tf');
  writeFileSync(service, readFileSync(service, 'utf8').replace(/resource "aws_appautoscaling_target"[\s\S]*$/, ''));
  writeFileSync(join(folder, 'forgotten_override.tf'), FORGOTTEN);
  await balancer(t, env, folder, await variables(t, env, folder));
  await init(t, folder, env);
  await t.sh('terraform apply -no-color -auto-approve', { cwd: folder, env, seconds: 240 });
  const again = await t.sh('terraform plan -no-color -detailed-exitcode', {
    cwd: folder,
    env,
    ok: false,
    seconds: 120,
  });
  assert.equal(again.status, 0, again.stdout + again.stderr);
  const state = readFileSync(join(folder, 'terraform.tfstate'), 'utf8');
  const kinds = (JSON.parse(state) as { resources: { mode: string }[] }).resources.filter(
    (one) => one.mode === 'managed',
  );
  assert.doesNotMatch(state, /aws_secretsmanager_secret_version/);
  const { stdout } = await t.sh('terraform output -raw deploy_environment', { cwd: folder, env });
  const dry = await t.sh(`eval "$VARIABLES"; ${join(t.deploy, 'aws/deploy-ecs.sh')} --dry-run`, {
    env: { VARIABLES: stdout, IMAGE: 'registry.example.com/auth-api:1.0.0' },
  });
  assert.match(dry.stdout, /run-task[\s\S]*update-service/);
  t.figure('kinds of resources', kinds.length);
}

/** What a plan may find on a database that create-rds.sh made: what stands in no database, or in none of the emulator. */
const ONLY_HERE = [
  'apply_immediately',
  'final_snapshot_identifier',
  'manage_master_user_password',
  'performance_insights_enabled',
  'skip_final_snapshot',
];

async function sameDatabase(t: RowContext): Promise<void> {
  const env = { ...QUIET, ...(await startAws(t)) };
  const folder = await copied(t);
  const { vpc, subnets } = await variables(t, env, folder);
  const group = await aws(
    t,
    env,
    `ec2 create-security-group --group-name auth-api-data --description 'The database and the cache of auth-api' --vpc-id ${vpc} --query GroupId --output text`,
  );
  await aws(
    t,
    env,
    `rds create-db-subnet-group --db-subnet-group-name auth-subnet-group --db-subnet-group-description x --subnet-ids ${subnets.join(' ')}`,
  );
  const authority = join(t.scratch, 'ca.pem');
  writeFileSync(authority, '-----BEGIN CERTIFICATE-----\n');
  const settings = { ...env, SECURITY_GROUP_DB: group, RDS_CA_FILE: authority };
  await t.sh(join(t.deploy, 'aws/create-rds.sh'), { env: settings });
  imports(folder, {
    'aws_db_instance.auth': 'auth-db',
    'aws_db_parameter_group.auth': 'auth-db-pg17',
    'aws_db_subnet_group.auth': 'auth-subnet-group',
    'aws_security_group.data': group,
  });
  await init(t, folder, env);
  await t.sh('terraform plan -no-color -out=found', { cwd: folder, env, seconds: 120 });
  const { stdout } = await t.sh('terraform show -json found', { cwd: folder, env });
  const changes = (JSON.parse(stdout) as { resource_changes: unknown[] }).resource_changes;
  const differing = (address: string): string[] => {
    const change = at(
      changes.find((one) => at(one, 'address') === address),
      'change',
    );
    const [before, after] = [at(change, 'before'), at(change, 'after')];
    assert.ok(isObject(before) && isObject(after), `${address} is not in the plan`);
    return Object.keys(after).filter(
      (name) => !name.startsWith('tags') && JSON.stringify(after[name]) !== JSON.stringify(before[name]),
    );
  };
  assert.deepEqual(
    differing('aws_db_instance.auth').filter((name) => !ONLY_HERE.includes(name)),
    [],
  );
  assert.deepEqual(differing('aws_db_parameter_group.auth'), []);
}

/** create-elasticache.sh and the module say the same: option by option, since the emulator keeps too little of a cache. */
async function sameCache(t: RowContext): Promise<void> {
  const settings = { AWS_REGION: 'eu-central-1', SECURITY_GROUP_CACHE: 'sg-0a' };
  const { stdout } = await t.sh(`${join(t.deploy, 'aws/create-elasticache.sh')} --dry-run`, { env: settings });
  const command = stdout.split('\n').find((line) => line.includes('create-replication-group')) ?? '';
  const text = readFileSync(join(t.deploy, 'aws/terraform/data.tf'), 'utf8');
  const block = /resource "aws_elasticache_replication_group" "auth" \{\n([\s\S]*?)\n\}/.exec(text)?.[1] ?? '';
  const values = new Map(
    [...block.matchAll(/^\s+(\w+)\s+= (.+)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const names: Readonly<Record<string, string>> = {
    'replication-group-description': 'description',
    'cache-node-type': 'node_type',
    'cache-parameter-group-name': 'parameter_group_name',
    'cache-subnet-group-name': 'subnet_group_name',
  };
  let compared = 0;
  for (const [, option = '', value] of command.matchAll(/--([a-z-]+)(?: (?!--)(\S+))?/g)) {
    if (['query', 'output', 'tags'].includes(option)) continue;
    const wanted = values.get(names[option] ?? option.replaceAll('-', '_'))?.replaceAll('"', '');
    assert.ok(wanted !== undefined, `the module does not know --${option}`);
    if (/[.[]/.test(wanted) && !/^[\d.]+$/.test(wanted)) continue;
    assert.equal(wanted, value ?? 'true', option);
    compared++;
  }
  t.figure('options compared', compared);
}

/** A plan refuses what would go wrong in an hour. */
async function refused(t: RowContext): Promise<void> {
  const folder = await copied(t);
  await init(t, folder);
  rmSync(join(folder, 'data.tf'));
  writeFileSync(
    join(folder, 'data.tf'),
    'locals {\n  db_host = ""\n  db_master_secret_arn = ""\n  redis_host = ""\n}\n',
  );
  const values = [
    'region=eu-central-1',
    'vpc_id=vpc-1',
    'public_subnet_ids=["a"]',
    'private_subnet_ids=["a","b"]',
    'trusted_proxies=["10.0.0.0/24"]',
    'certificate_arn=x',
    'public_url=http://auth.example.com',
    'email_from=a@example.com',
    'image=registry.example.com/auth-api:latest',
  ];
  const command = `terraform plan -no-color -refresh=false ${values.map((value) => `-var '${value}'`).join(' ')}`;
  const { status, stderr } = await t.sh(command, { cwd: folder, env: QUIET, ok: false });
  assert.equal(status, 1);
  for (const text of [/at least two subnets/, /https origin/, /names no version/]) assert.match(stderr, text);
}

export const terraformRows: readonly Row[] = [
  { name: 'Terraform: the three modules are formatted', skipUnless: without('terraform'), run: formatted },
  { name: 'Terraform for AWS: valid by the provider itself', skipUnless: withoutProvider, run: valid },
  {
    name: 'Terraform for AWS: a version of no image, an open address, one zone are refused',
    skipUnless: withoutProvider,
    run: refused,
  },
  {
    name: 'Terraform for AWS: applied to moto, and a second plan finds nothing to do',
    timeout: 420,
    skipUnless: () => withoutProvider() ?? without('aws', 'moto_server')(),
    run: applied,
  },
  {
    name: 'Terraform for AWS: describes the database that create-rds.sh makes',
    timeout: 240,
    skipUnless: () => withoutProvider() ?? without('aws', 'moto_server')(),
    run: sameDatabase,
  },
  { name: 'Terraform for AWS: describes the cache that create-elasticache.sh makes', run: sameCache },
];
