import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../../server/src/config/config.ts';
import { loadConfig } from '../../../server/src/config/load.ts';
import { ConfigError } from '../../../server/src/config/report.ts';
import { isKnown } from '../../../server/src/config/sources.ts';
import { type Name, table } from '../../../server/src/config/table.ts';
import { find, idOf, type Kit, type Told, workloads } from './kit.ts';
import type { Manifest } from './manifest.ts';

/** Loads each workload's settings as the server in it would, from its ConfigMap, its variables and its secret files. */
export async function settingsFaults(kit: Kit): Promise<{ told: Told[]; faults: string[] }> {
  const faults: string[] = [];
  const told: Told[] = [];
  for (const workload of workloads(kit)) {
    const complain = (text: string): void => void faults.push(`${idOf(workload)}: ${text}`);
    const given = environmentOf(kit, workload, complain);
    for (const name of Object.keys(given)) checkName(name, complain);
    const config = await loaded(kit, workload, given, complain);
    if (config !== null) told.push({ workload, config });
  }
  return { told, faults };
}

export function containerOf(workload: Manifest): Manifest {
  return workload.spec.template.spec.containers[0];
}

/** As Kubernetes puts it together: first the ConfigMaps, then the variables by name. */
function environmentOf(kit: Kit, workload: Manifest, complain: (text: string) => void): Record<string, string> {
  const container = containerOf(workload);
  const given: Record<string, string> = {};
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (secretRef) complain(`takes ${secretRef.name} as variables: secrets are files`);
    const map = configMapRef && find(kit, 'ConfigMap', configMapRef.name);
    if (configMapRef && !map) complain(`there is no ConfigMap ${configMapRef.name}`);
    Object.assign(given, map?.data);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom?.secretKeyRef) complain(`${name} takes a secret as a variable: secrets are files`);
    given[name] = value ?? '';
  }
  return given;
}

function checkName(name: string, complain: (text: string) => void): void {
  if (!isKnown(name)) complain(`${name} is not a setting of the server`);
  else if (Object.hasOwn(table, name) && table[name as Name].isSecret === true)
    complain(`${name} is a secret and stands in the manifest: use ${name}_FILE`);
}

async function loaded(
  kit: Kit,
  workload: Manifest,
  given: Readonly<Record<string, string>>,
  complain: (text: string) => void,
): Promise<Config | null> {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-kit-'));
  try {
    writeSecrets(kit, workload, folder, complain);
    const env = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, name.endsWith('_FILE') ? join(folder, value) : value]),
    );
    const { config, warnings } = await loadConfig({
      env,
      cwd: folder,
      clock: { now: () => Date.now() },
      resolveSecret: () => Promise.reject(new Error('no secret store in tests')),
    });
    for (const warning of warnings) complain(`the server warns: ${warning}`);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const { name, problem } of error.faults)
      complain(`the server refuses ${name}: ${problem.replaceAll(folder, '')}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files that the pod's volumes would show, under the paths of the container. */
function writeSecrets(kit: Kit, workload: Manifest, folder: string, complain: (text: string) => void): void {
  const { volumes = [] } = workload.spec.template.spec;
  for (const { name, mountPath } of containerOf(workload).volumeMounts ?? []) {
    const volume = volumes.find((one: { name: string }) => one.name === name);
    const sources = volume?.projected?.sources ?? [volume ?? {}];
    for (const { secret } of sources) {
      if (!secret) continue;
      const secretName = secret.secretName ?? secret.name;
      const values = kit.secrets[secretName];
      if (!values) complain(`make-secrets.sh makes no secret ${secretName}`);
      mkdirSync(join(folder, mountPath), { recursive: true });
      for (const [key, value] of Object.entries(values ?? {})) writeFileSync(join(folder, mountPath, key), value);
    }
  }
}
