/**
 * What the definitions for the clouds start: each container with its settings, read out of the vendor's form into one,
 * so that one set of rules holds for all of them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface Unit {
  readonly file: string;
  readonly role: 'server' | 'migration';
  readonly image: string;
  /** What stands behind `auth-api`. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Each setting's reference to a secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  readonly probes: readonly { readonly kind: string; readonly path: string; readonly port: number }[];
  /** Seconds between SIGTERM and SIGKILL; null where the platform promises nothing. */
  readonly stopSeconds: number | null;
}

/** What stands for the operator's own values. */
export const SAMPLES: Readonly<Record<string, string>> = {
  PUBLIC_URL: 'https://auth.example.com',
  EMAIL_FROM: 'Example <no-reply@example.com>',
  TRUSTED_PROXIES: '10.0.0.0/24,10.0.1.0/24',
  DB_HOST: 'db.example.com',
  REDIS_HOST: 'redis.example.com',
  AWS_REGION: 'eu-central-1',
  SMTP_HOST: 'smtp.example.com',
  SMTP_USER: 'auth-api',
  VAULT: 'auth-kv',
  IDENTITY_CLIENT_ID: '00000000-0000-0000-0000-000000000000',
  LOCATION: 'westeurope',
  IMAGE: 'registry.example.com/auth-api:1.2.3',
};

const MAIN = ['node', '/app/server/bin/auth-api.mjs'];

// biome-ignore lint/suspicious/noExplicitAny: files of strangers' shapes; the vendors' schemas are checked elsewhere.
type Any = any;
type Pairs = readonly { readonly name: string; readonly value: string }[];

export const filled = (text: string): string =>
  text.replaceAll(/\$\{([A-Z_]+)\}/g, (all, name) => SAMPLES[name] ?? all);

const object = (pairs: readonly (readonly [string, string])[]): Record<string, string> => {
  const found: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (Object.hasOwn(found, name)) throw new Error(`${name} is set twice`);
    found[name] = value;
  }
  return found;
};

export function ecsUnit(file: string, text: string): Unit {
  const task = JSON.parse(filled(text)) as Any;
  const container = task.containerDefinitions.find((one: Any) => one.name !== 'db-ca');
  const health = container.healthCheck?.command as string[] | undefined;
  return {
    file,
    role: container.name === 'migrate' ? 'migration' : 'server',
    image: container.image,
    command: container.command,
    env: object((container.environment as Pairs).map(({ name, value }) => [name, value])),
    secrets: object(container.secrets.map((one: Any) => [one.name, one.valueFrom])),
    ports: (container.portMappings ?? []).map((one: Any) => one.containerPort),
    probes: health ? [{ kind: health.join(' '), path: '/health', port: 3000 }] : [],
    stopSeconds: container.stopTimeout,
  };
}

export function instancesUnit(file: string, text: string): Unit {
  const group = parse(filled(text)) as Any;
  const [{ name, properties }] = group.properties.containers;
  const pairs = (properties.environmentVariables as Pairs).map((one) => [one.name, one.value] as const);
  const isReference = ([, value]: readonly [string, string]): boolean => /^azure-kv:\/\//.test(value);
  return {
    file,
    role: name === 'migrate' ? 'migration' : 'server',
    image: properties.image,
    command: properties.command.slice(MAIN.length),
    env: object(pairs.filter((pair) => !isReference(pair))),
    secrets: object(pairs.filter(isReference)),
    ports: (properties.ports ?? []).map((one: Any) => one.port),
    probes: ['livenessProbe', 'readinessProbe']
      .filter((kind) => properties[kind])
      .map((kind) => ({ kind, path: properties[kind].httpGet.path, port: properties[kind].httpGet.port })),
    stopSeconds: null,
  };
}

export function appUnit(file: string, text: string): Unit {
  const { properties } = parse(filled(text)) as Any;
  const [container] = properties.template.containers;
  const urls = new Map(properties.configuration.secrets.map((one: Any) => [one.name, one.keyVaultUrl]));
  return {
    file,
    role: container.name === 'migrate' ? 'migration' : 'server',
    image: container.image,
    command: container.args,
    env: object(
      container.env.filter((one: Any) => one.secretRef === undefined).map((one: Any) => [one.name, one.value]),
    ),
    secrets: object(
      container.env.filter((one: Any) => one.secretRef).map((one: Any) => [one.name, urls.get(one.secretRef) ?? '']),
    ),
    ports: properties.configuration.ingress ? [properties.configuration.ingress.targetPort] : [],
    probes: (container.probes ?? []).map((one: Any) => ({ kind: one.type, ...one.httpGet })),
    stopSeconds: properties.template.terminationGracePeriodSeconds ?? null,
  };
}

/** The two steps of Cloud Build that start something: options of gcloud, each on a line of its own. */
export function cloudBuildUnits(file: string, text: string): Unit[] {
  const build = parse(text) as Any;
  const said = (value: string): string =>
    value.replaceAll(/\$(_?[A-Z][A-Z0-9_]*)/g, (all, name) => build.substitutions[name] ?? all);
  return build.steps
    .filter((step: Any) => step.entrypoint === 'gcloud')
    .map((step: Any): Unit => {
      const args = (step.args as string[]).map(said);
      const all = (option: string): string[] =>
        args.filter((arg) => arg.startsWith(`--${option}=`)).map((arg) => arg.slice(option.length + 3));
      const pair = (text: string): [string, string] => {
        const [, name = '', value = ''] = /^(?:\^.\^)?([^=]+)=(.*)$/s.exec(text) ?? [];
        return [name, value];
      };
      const isServer = step.id === 'deploy';
      const probe = (kind: string): Unit['probes'] =>
        all(kind).map((text) => {
          const parts = object(text.split(',').map(pair));
          return { kind, path: parts['httpGet.path'] ?? '', port: Number(parts['httpGet.port']) };
        });
      const secrets = all('set-secrets').map(pair);
      return {
        file: `${file} (${step.id})`,
        role: isServer ? 'server' : 'migration',
        image: all('image')[0] ?? '',
        command: isServer ? ['serve'] : (all('args')[0]?.split(',') ?? []),
        env: object([...all('set-env-vars').map(pair), ...all('port').map((port): [string, string] => ['PORT', port])]),
        secrets: object(secrets.filter(([name]) => !name.startsWith('/'))),
        ports: all('port').map(Number),
        probes: [...probe('startup-probe'), ...probe('liveness-probe')],
        stopSeconds: isServer ? 10 : null,
      };
    });
}

export function allUnits(deploy: string): Unit[] {
  const read = <T>(file: string, reader: (file: string, text: string) => T): T =>
    reader(file, readFileSync(join(deploy, file), 'utf8'));
  return [
    read('aws/ecs-task-definition.json', ecsUnit),
    read('aws/ecs-migrate-task-definition.json', ecsUnit),
    ...read('gcp/cloudbuild.yaml', cloudBuildUnits),
    read('azure/azure-container-instances.yaml', instancesUnit),
    read('azure/azure-container-instances-migrate.yaml', instancesUnit),
    read('azure/container-app.yaml', appUnit),
    read('azure/container-app-migrate.yaml', appUnit),
  ];
}
