import type { Config } from '../../../server/src/config/config.ts';
import type { Manifest } from './manifest.ts';

/** One complete set of manifests, as somebody would apply it. */
export interface Kit {
  readonly manifests: readonly Manifest[];
  /** What make-secrets.sh makes: the values of each secret by their keys. */
  readonly secrets: Secrets;
}

export type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What one workload's pods are told and which settings the server makes of it. */
export interface Told {
  readonly workload: Manifest;
  readonly config: Config;
}

export function find(kit: Kit, kind: string, name: string): Manifest | undefined {
  return kit.manifests.find((one) => one.kind === kind && one.metadata.name === name);
}

export function all(kit: Kit, kind: string): Manifest[] {
  return kit.manifests.filter((one) => one.kind === kind);
}

export function workloads(kit: Kit): Manifest[] {
  return kit.manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job');
}

export function idOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`;
}

export function selects(
  selector: Readonly<Record<string, string>> = {},
  labels: Readonly<Record<string, string>> = {},
) {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
