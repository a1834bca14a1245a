// engines: none
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { table } from '../../server/src/config/table.ts';
import { faultsOf } from './cloud-rules.ts';
import { allUnits, appUnit, cloudBuildUnits, ecsUnit, instancesUnit, type Unit } from './cloud-units.ts';

const deploy = join(import.meta.dirname, '..');
/** What a script or Terraform fills in. */
const hole = (name: string): string => `\${${name}}`;
const read = (file: string): string => readFileSync(join(deploy, file), 'utf8');

for (const unit of allUnits(deploy)) {
  test(`${unit.file}: the server would start with it, and every rule of the kit holds`, async () => {
    assert.deepEqual(await faultsOf(unit), []);
  });
}

/** One change of a file, and what has to be said about it. */
type Mutant = readonly [file: string, from: string | RegExp, to: string, fault: RegExp];

const readers: Readonly<Record<string, (file: string, text: string) => Unit | Unit[]>> = {
  'aws/ecs-task-definition.json': ecsUnit,
  'aws/ecs-migrate-task-definition.json': ecsUnit,
  'gcp/cloudbuild.yaml': cloudBuildUnits,
  'azure/azure-container-instances.yaml': instancesUnit,
  'azure/container-app.yaml': appUnit,
};

const mutants: readonly Mutant[] = [
  ['aws/ecs-task-definition.json', '"TRUSTED_PROXIES"', '"TRUST_PROXY"', /TRUST_PROXY is no setting/],
  [
    'aws/ecs-task-definition.json',
    hole('SESSION_SECRET_ARN'),
    'q7c1vP0zK4s8Ld2mX9b5',
    /SESSION_SECRET is no reference/,
  ],
  [
    'aws/ecs-task-definition.json',
    hole('SESSION_SECRET_ARN'),
    hole('CSRF_SECRET_ARN'),
    /SESSION_SECRET is read from another/,
  ],
  ['aws/ecs-task-definition.json', '"value": "25s"', '"value": "40s"', /kills after 35 s/],
  ['aws/ecs-task-definition.json', '"value": "25s"', '"value": "25 s"', /SHUTDOWN_GRACE is "25 s"/],
  ['aws/ecs-task-definition.json', '"containerPort": 3000', '"containerPort": 8080', /PORT is 3000/],
  ['aws/ecs-task-definition.json', '"auth_app"', '"auth_owner"', /signs in as auth_owner/],
  ['aws/ecs-task-definition.json', /\{\s*"name": "CSRF_SECRET",[^}]*\}"\s*\},\s*/, '', /CSRF_SECRET is missing/],
  ['aws/ecs-migrate-task-definition.json', '"up"', '"status"', /migrate status/],
  [
    'gcp/cloudbuild.yaml',
    '--startup-probe=httpGet.path=/ready',
    '--startup-probe=httpGet.path=/readyz',
    /asks \/readyz/,
  ],
  ['gcp/cloudbuild.yaml', 'SHUTDOWN_GRACE=9s', 'SHUTDOWN_GRACE=30s', /kills after 10 s/],
  [
    'gcp/cloudbuild.yaml',
    'auth-api-session-secret:$_V_SESSION',
    'auth-api-session-secret:latest',
    /no reference to one/,
  ],
  ['gcp/cloudbuild.yaml', 'MIGRATE_ON_START=false', 'MIGRATE_ON_START=maybe', /would migrate by itself/],
  ['gcp/cloudbuild.yaml', 'liveness-probe=httpGet.path=/health', 'liveness-probe=httpGet.path=/ready', /would restart/],
  [
    'azure/azure-container-instances.yaml',
    `azure-kv://${hole('VAULT')}/session-secret`,
    'Zx81Kp0QwErT',
    /stands in the file/,
  ],
  [
    'azure/azure-container-instances.yaml',
    `image: ${hole('IMAGE')}`,
    'image: example.azurecr.io/auth-api:latest',
    /no version/,
  ],
  [
    'azure/container-app.yaml',
    "name: DB_SSL\n            value: 'true'",
    "name: DB_SSL\n            value: 'on'",
    /DB_SSL/,
  ],
  ['azure/container-app.yaml', 'terminationGracePeriodSeconds: 30', 'terminationGracePeriodSeconds: 20', /after 20 s/],
];

for (const [file, from, to, fault] of mutants) {
  test(`${file} with ${to || 'a secret less'} is found out`, async () => {
    const text = read(file);
    const changed = text.replace(from, () => to);
    assert.ok(changed !== text, 'the file does not hold it');
    const units = [readers[file]?.(file, changed) ?? []].flat();
    assert.match((await Promise.all(units.map(faultsOf))).flat().join('\n'), fault);
  });
}

test('ECS: no root, no file system that can be written, no capabilities, in the server and in the migration', () => {
  for (const file of ['aws/ecs-task-definition.json', 'aws/ecs-migrate-task-definition.json']) {
    for (const container of JSON.parse(read(file)).containerDefinitions) {
      assert.equal(container.readonlyRootFilesystem, true, container.name);
      assert.deepEqual(container.linuxParameters.capabilities, { drop: ['ALL'] });
      assert.equal(container.user, container.name === 'db-ca' ? '0' : '1000:1000');
      assert.equal(container.image, hole('IMAGE'));
    }
  }
});

test('ECS asks the image itself whether it is well, without a shell or curl', () => {
  const { containerDefinitions } = JSON.parse(read('aws/ecs-task-definition.json'));
  const { command } = containerDefinitions[1].healthCheck;
  assert.deepEqual(command, ['CMD', 'node', '/app/server/bin/probe.mjs']);
});

test('the container group has no public address', () => {
  assert.equal(parse(read('azure/azure-container-instances.yaml')).properties.ipAddress.type, 'Private');
});

/** Names and fixed values of settings in a Terraform module, whatever block they stand in. */
function settingsIn(folder: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of readdirSync(join(deploy, folder)).filter((name) => name.endsWith('.tf'))) {
    for (const [, name = '', value = ''] of read(`${folder}/${file}`).matchAll(/^\s+([A-Z][A-Z0-9_]+)\s+=\s+(.+)$/gm)) {
      found.set(name, (found.get(name) ?? new Set()).add(value.replace(/^"(.*)"$/, '$1')));
    }
  }
  return found;
}

for (const [folder, files] of [
  ['gcp/terraform', ['gcp/cloudbuild.yaml']],
  ['azure/terraform', ['azure/container-app.yaml', 'azure/container-app-migrate.yaml']],
] as const) {
  test(`${folder} gives the same settings as ${files.join(' and ')}`, () => {
    const said = settingsIn(folder);
    const units = allUnits(deploy).filter((unit) => files.some((file) => unit.file.startsWith(file)));
    const names = new Set(units.flatMap((unit) => [...Object.keys(unit.env), ...Object.keys(unit.secrets)]));
    // Cloud Run sets PORT itself, from the port of the container.
    if (folder.startsWith('gcp')) names.delete('PORT');
    assert.deepEqual([...said.keys()].sort(), [...names].sort());
    for (const [name, values] of said) {
      assert.ok(Object.hasOwn(table, name), name);
      const fixed = [...values].filter((value) => !/[.$({]/.test(value) || /^\d/.test(value));
      for (const value of fixed) {
        const wanted = units.flatMap((unit) => unit.env[name] ?? (unit.secrets[name] === undefined ? [] : [value]));
        assert.ok(wanted.includes(value), `${name}: ${value} is not ${wanted.join(' or ')}`);
      }
    }
  });
}

test('no file for a cloud says latest, holds a key, or keeps a secret in a state of Terraform', () => {
  for (const cloud of ['aws', 'gcp', 'azure']) {
    for (const file of readdirSync(join(deploy, cloud), { recursive: true, encoding: 'utf8' })) {
      if (!/\.(?:json|ya?ml|tf|sh)$/.test(file)) continue;
      const text = read(`${cloud}/${file}`);
      assert.doesNotMatch(text, /image[^\n]*:latest\b(?!["')])/, file);
      assert.doesNotMatch(text, /AKIA[0-9A-Z]{16}|-----BEGIN|postgres(?:ql)?:\/\/[^\s$]+:[^\s@]+@/, file);
      assert.doesNotMatch(
        text,
        /resource "(?:aws_secretsmanager_secret_version|google_secret_manager_secret_version|azurerm_key_vault_secret|random_password)"/,
        file,
      );
    }
  }
});
