/** The rules that every container for a cloud is held to. Each fault is a sentence; none is good. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../server/src/config/load.ts';
import { ConfigError } from '../../server/src/config/report.ts';
import { table } from '../../server/src/config/table.ts';
import type { Unit } from './cloud-units.ts';

type AnyEntry = { readonly isSecret?: boolean; readonly isList?: boolean };
const entries = table as Readonly<Record<string, AnyEntry>>;

const REFERENCE =
  /^(?:\$\{[A-Z_]+_ARN\}|auth-api-[a-z-]+:\d+|azure-kv:\/\/[a-z0-9-]+\/[a-z-]+|https:\/\/[a-z0-9-]+\.vault\.azure\.net\/secrets\/[a-z-]+)$/;

/** The secret's name as the setting would have it: a reference to another one's secret is a slip of the hand. */
const nameOf = (setting: string, role: Unit['role']): string => {
  if (setting === 'DB_PASSWORD') return role === 'server' ? 'db-app-password' : 'db-owner-password';
  return setting.toLowerCase().replaceAll('_', '-');
};

export async function faultsOf(unit: Unit): Promise<string[]> {
  return [
    ...namesOf(unit),
    ...referencesOf(unit),
    ...networkOf(unit),
    ...timesOf(unit),
    ...roleOf(unit),
    ...(await loading(unit)),
  ].map((text) => `${unit.file}: ${text}`);
}

function namesOf({ env, secrets, image }: Unit): string[] {
  const all = [...Object.keys(env), ...Object.keys(secrets)];
  return [
    ...all.filter((name) => !Object.hasOwn(entries, name)).map((name) => `${name} is no setting of the server`),
    ...all
      .filter((name) => env[name] !== undefined && secrets[name] !== undefined)
      .map((name) => `${name} is set twice`),
    ...(/:latest$|^[^:@]+$/.test(image) ? ['the image names no version'] : []),
  ];
}

function referencesOf({ env, secrets, role }: Unit): string[] {
  return [
    ...Object.keys(env)
      .filter((name) => entries[name]?.isSecret)
      .map((name) => `${name} is a secret that stands in the file`),
    ...Object.entries(secrets).flatMap(([name, reference]) => {
      if (!entries[name]?.isSecret) return [`${name} is no secret, but is read from a store`];
      if (!REFERENCE.test(reference)) return [`${name} is no reference to one secret: ${reference}`];
      const said = reference.toLowerCase().replaceAll('_', '-');
      return said.includes(nameOf(name, role)) ? [] : [`${name} is read from another secret: ${reference}`];
    }),
  ];
}

function networkOf({ env, ports, probes, role }: Unit): string[] {
  if (role === 'migration') return ports.length > 0 || probes.length > 0 ? ['a migration listens'] : [];
  const port = Number(env.PORT);
  const paths = [env.HEALTH_CHECK_PATH ?? '/health', env.READY_CHECK_PATH ?? '/ready'];
  return [
    ...(ports.includes(port) ? [] : [`PORT is ${env.PORT}, the platform speaks to ${ports.join(', ')}`]),
    ...ports
      .filter((one) => one !== port && one !== Number(env.METRICS_PORT))
      .map((one) => `nothing listens on ${one}`),
    ...(env.METRICS_PORT === '9464' ? [] : ['METRICS_PORT is not the one of the kit']),
    ...(probes.length > 0 ? [] : ['nothing asks whether it is well']),
    ...probes.filter((probe) => probe.port !== port).map((probe) => `${probe.kind} asks port ${probe.port}`),
    ...probes.filter((probe) => !paths.includes(probe.path)).map((probe) => `${probe.kind} asks ${probe.path}`),
    ...probes
      .filter(({ kind, path }) => /live/i.test(kind) && path !== paths[0])
      .map(({ kind }) => `${kind} would restart a server whose database is away`),
    ...(env.TRUSTED_PROXIES ? [] : ['TRUSTED_PROXIES is not set: every client would have the address of the balancer']),
  ];
}

function timesOf({ env, stopSeconds, role }: Unit): string[] {
  if (role === 'migration') return [];
  const [delay, grace] = [env.SHUTDOWN_DELAY, env.SHUTDOWN_GRACE].map((text) => Number.parseInt(text ?? '', 10));
  if (delay === undefined || grace === undefined || !(delay < grace))
    return ['SHUTDOWN_DELAY is part of SHUTDOWN_GRACE and has to be shorter'];
  return stopSeconds !== null && grace >= stopSeconds
    ? [`the platform kills after ${stopSeconds} s what SHUTDOWN_GRACE lets run for ${grace} s`]
    : [];
}

function roleOf({ role, env, command }: Unit): string[] {
  const wanted = role === 'server' ? 'serve' : 'migrate up';
  return [
    ...(command.join(' ') === wanted ? [] : [`it runs ${command.join(' ')} instead of ${wanted}`]),
    ...(env.DB_USER === (role === 'server' ? 'auth_app' : 'auth_owner') ? [] : [`it signs in as ${env.DB_USER}`]),
    ...(role === 'server' && env.MIGRATE_ON_START !== 'false' ? ['it would migrate by itself'] : []),
    ...(env.NODE_ENV === 'production' ? [] : ['NODE_ENV is not production']),
  ];
}

let authority: string | undefined;

/** The server's own reading of the whole: every parser, every combination, production's rules, misspelt names. */
async function loading({ env, secrets }: Unit): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-clouds-'));
  try {
    authority ??= certificate();
    const texts: Record<string, string> = { ...env };
    for (const name of Object.keys(secrets)) {
      texts[name] = name === 'ENCRYPTION_KEY' ? randomBytes(32).toString('base64') : randomBytes(32).toString('hex');
    }
    for (const name of ['DB_SSL_CA_PATH', 'REDIS_TLS_CA_PATH']) {
      if (texts[name] === undefined) continue;
      if (!texts[name].startsWith('/run/')) return [`${name} is not in /run`];
      texts[name] = authority;
    }
    const { warnings } = await loadConfig({
      env: texts,
      cwd: folder,
      clock: { now: Date.now },
      resolveSecret: async () => randomBytes(32).toString('hex'),
    });
    return warnings;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ name, problem }) => `${name} ${problem}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function certificate(): string {
  const kept = mkdtempSync(join(tmpdir(), 'auth-api-clouds-ca-'));
  process.once('exit', () => rmSync(kept, { recursive: true, force: true }));
  const path = join(kept, 'ca.pem');
  const command = ['req', '-x509', '-newkey', 'ed25519', '-nodes', '-subj', '/CN=test', '-days', '2'];
  execFileSync('openssl', [...command, '-keyout', join(kept, 'ca.key'), '-out', path], { stdio: 'ignore' });
  return path;
}
