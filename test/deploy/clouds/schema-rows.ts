import assert from 'node:assert/strict';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parse } from 'yaml';
import type { Row, RowContext } from '../row.ts';
import { filledIn, type Models, modelFaults, wordsOf } from './azure-model.ts';
import { buildFaults, substitutionFaults } from './cloud-build.ts';
import { moduleFaults, readModule } from './terraform-schema.ts';
import { at, type Json, vendorFiles } from './vendor.ts';

const AZURE: readonly (readonly [file: string, library: string, model: string])[] = [
  ['azure-container-instances.yaml', '@azure/arm-containerinstance@9.1.0', 'ContainerGroup'],
  ['azure-container-instances-migrate.yaml', '@azure/arm-containerinstance@9.1.0', 'ContainerGroup'],
  ['container-app.yaml', '@azure/arm-appcontainers@3.0.0', 'ContainerApp'],
  ['container-app-migrate.yaml', '@azure/arm-appcontainers@3.0.0', 'Job'],
];

async function azureModels(t: RowContext): Promise<void> {
  let faultsFound = 0;
  const libraries = new Map<string, Models>();
  for (const [, library] of AZURE) {
    if (libraries.has(library)) continue;
    const path = library.includes('instance') ? 'dist-esm/src/models/mappers.js' : 'dist/esm/models/mappers.js';
    const folder = await vendorFiles(t, library, path);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    libraries.set(library, (await import(pathToFileURL(join(folder, path)).href)) as Models);
  }
  for (const [file, library, model] of AZURE) {
    const models = libraries.get(library) ?? {};
    const text = readFileSync(join(t.deploy, 'azure', file), 'utf8');
    assert.deepEqual(modelFaults(models, model, filledIn(parse(text))), [], file);
    for (const [from, to] of MUTANTS) {
      if (!from.test(text)) continue;
      const faults = modelFaults(models, model, filledIn(parse(text.replace(from, to))));
      assert.ok(faults.length > 0, `${file}: ${to} is not found out`);
      faultsFound++;
    }
  }
  t.figure('definitions', AZURE.length);
  t.figure('mutants found', faultsFound);
}

const MUTANTS: readonly (readonly [RegExp, string])[] = [
  [/periodSeconds:/, 'periodSecond:'],
  [/properties:/, 'property:'],
  [/failureThreshold: 3/, 'failureThreshold: three'],
  [/ {8}image: /, '        picture: '],
  [/ {6}- name: migrate/, '      - nam: migrate'],
  [/userAssignedIdentities:/, 'userAssigned:'],
];

async function azureWords(t: RowContext): Promise<void> {
  const folder = await vendorFiles(t, '@azure/arm-appcontainers@3.0.0', 'dist/esm/models/index.d.ts');
  const declarations = readFileSync(join(folder, 'dist/esm/models/index.d.ts'), 'utf8');
  const app: unknown = parse(readFileSync(join(t.deploy, 'azure/container-app.yaml'), 'utf8'));
  const checks: readonly (readonly [type: string, word: unknown])[] = [
    ['ActiveRevisionsMode', at(app, 'properties', 'configuration', 'activeRevisionsMode')],
    ['IngressTransportMethod', at(app, 'properties', 'configuration', 'ingress', 'transport')],
    ['ManagedServiceIdentityType', at(app, 'identity', 'type')],
    ...[0, 1, 2].map(
      (index) => ['Type', at(app, 'properties', 'template', 'containers', 0, 'probes', index, 'type')] as const,
    ),
  ];
  for (const [type, word] of checks) {
    const words = wordsOf(declarations, type);
    assert.ok(words.includes(String(word)), `${type}: ${word} is none of ${words.join(', ')}`);
  }
}

async function cloudBuild(t: RowContext): Promise<void> {
  const folder = await vendorFiles(t, '@google-cloud/cloudbuild@6.1.0', 'build/protos/protos.json');
  const protos = JSON.parse(readFileSync(join(folder, 'build/protos/protos.json'), 'utf8')) as Json;
  const text = readFileSync(join(t.deploy, 'gcp/cloudbuild.yaml'), 'utf8');
  const faultsOf = (changed: string): string[] => {
    const build = parse(changed) as Json;
    return [...buildFaults(protos, build), ...substitutionFaults(changed, build)];
  };
  assert.deepEqual(faultsOf(text), []);
  const mutants: readonly (readonly [string, string])[] = [
    ['entrypoint: gcloud', 'entryPoint: gcloud'],
    ['timeout: 1800s', 'timeout: 30 minutes'],
    ['E2_HIGHCPU_8', 'E2_HIGHCPU_9'],
    ['requestedVerifyOption', 'verifyOption'],
    ["_V_SMTP: '1'", '_V_SMTP: 1'],
    ['$_PUBLIC_URL', '$_PUBLIC_URI'],
    ['    args: [push', '    arguments: [push'],
  ];
  for (const [from, to] of mutants)
    assert.ok(faultsOf(text.replace(from, () => to)).length > 0, `${to} is not found out`);
  t.figure('mutants found', mutants.length);
}

const MODULES = [
  ['gcp', 'google', '@cdktf/provider-google@16.12.1'],
  ['azure', 'azurerm', '@cdktf/provider-azurerm@14.23.1'],
] as const;

const TERRAFORM_MUTANTS: Readonly<Record<string, readonly (readonly [string, string, string])[]>> = {
  gcp: [
    ['service.tf', 'startup_probe {', 'start_probe {'],
    ['service.tf', 'container_port = 3000', 'container_port = "http"'],
    ['data.tf', 'database_version    =', 'version             ='],
    ['service.tf', 'google_sql_database.auth.name', 'google_sql_database.auth.title'],
    ['main.tf', '  repository_id = "auth-api"\n', ''],
    ['outputs.tf', 'google_service_account.server', 'google_service_account.servers'],
  ],
  azure: [
    ['service.tf', 'revision_mode                = "Single"\n', ''],
    ['service.tf', 'failure_count_threshold = 30', 'failure_threshold = 30'],
    ['data.tf', 'backup_retention_days         = var.db_backup_days', 'backup_retention_days = "a week"'],
    ['main.tf', 'rbac_authorization_enabled', 'rbac_enabled'],
    ['service.tf', 'var.min_replicas', 'var.least_replicas'],
  ],
};

async function terraformSchemas(t: RowContext): Promise<void> {
  const parser = join(t.scratch, 'parser');
  await t.sh(`npm install --silent --no-audit --no-fund --ignore-scripts --prefix ${parser} @cdktf/hcl2json@0.21.0`, {
    seconds: 60,
  });
  for (const [cloud, provider, library] of MODULES) {
    const copy = join(t.scratch, cloud);
    const original = join(t.deploy, cloud, 'terraform');
    cpSync(original, copy, { recursive: true });
    const { blocks } = await readModule(parser, copy);
    const types = blocks
      .filter(({ type }) => type.startsWith(`${provider}_`))
      .map(
        ({ kind, type }) =>
          `${kind === 'data' ? `data-${provider}-` : ''}${type.slice(provider.length + 1).replaceAll('_', '-')}`,
      );
    const paths = [...new Set(types)].map((type) => `lib/${type}/*.d.ts`);
    const folder = await vendorFiles(t, library, ...paths);
    const faultsOf = async (): Promise<string[]> => {
      const module = await readModule(parser, copy);
      return moduleFaults(module, folder, provider);
    };
    assert.deepEqual(await faultsOf(), [], `${cloud}/terraform`);
    for (const [file, from, to] of TERRAFORM_MUTANTS[cloud] ?? []) {
      const text = readFileSync(join(original, file), 'utf8');
      assert.ok(text.includes(from), `${cloud}/${file} no longer holds ${from}`);
      writeFileSync(
        join(copy, file),
        text.replace(from, () => to),
      );
      assert.notDeepEqual(await faultsOf(), [], `${cloud}/${file}: ${to || `no ${from}`} is not found out`);
      writeFileSync(join(copy, file), text);
    }
    t.figure(`${provider} blocks`, blocks.length);
    t.figure(`${provider} mutants found`, TERRAFORM_MUTANTS[cloud]?.length ?? 0);
  }
}

export const schemaRows: readonly Row[] = [
  { name: "Azure: the definitions fit the models of Azure's own libraries", run: azureModels },
  { name: 'Azure: the words in them are words that the interface knows', run: azureWords },
  { name: "Cloud Build: the build fits Google's own messages, and every substitution is known", run: cloudBuild },
  {
    name: "Terraform for Google and Azure: every block fits the provider's schema",
    timeout: 180,
    run: terraformSchemas,
  },
];
