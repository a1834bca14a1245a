import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeTools } from '../kube-tools.ts';
import type { Done, RowContext, ShOptions } from '../row.ts';
import { type Manifest, parseManifests, toYaml } from './manifest.ts';

export const SPACE = 'auth-api-test';
export const STORES = 'auth-api-test-data';
export const IMAGE = process.env.AUTH_API_IMAGE ?? 'auth-api:local';

export interface Cluster {
  /** kubectl in the test's namespace; gives what it printed. */
  kubectl(args: string, options?: ShOptions): Promise<string>;
  /** The same, for what may fail. */
  attempt(args: string, options?: ShOptions): Promise<Done>;
  apply(manifests: readonly Manifest[], flags?: string): Promise<void>;
  get(what: string): Promise<Manifest>;
  /** Null where the cluster does not have it. */
  raw(path: string): Promise<Record<string, unknown> | null>;
  /** The kit's manifests as this cluster takes them. */
  render(settings?: Readonly<Record<string, string>>): Promise<Manifest[]>;
  /** The server's pods that are not on their way out. */
  pods(): Promise<Manifest[]>;
}

export async function openCluster(t: RowContext): Promise<Cluster> {
  const tools = await kubeTools(t);
  const run = (args: string, options: ShOptions = {}): Promise<Done> =>
    t.sh(`'${tools.kubectl}' -n ${SPACE} ${args}`, options);
  const kubectl = async (args: string, options?: ShOptions): Promise<string> => (await run(args, options)).stdout;
  const raw = async (path: string): Promise<Record<string, unknown> | null> => {
    const { status, stdout } = await run(`get --raw '${path}'`, { ok: false });
    return status === 0 ? (JSON.parse(stdout) as Record<string, unknown>) : null;
  };
  const isOld = (await raw('/apis/policy/v1')) === null || (await raw('/apis/autoscaling/v2')) === null;
  return {
    kubectl,
    attempt: (args, options) => run(args, { ...options, ok: false }),
    raw,
    async apply(manifests, flags = '') {
      // A server of before 1.25 cannot say which fields it does not know: `npm test` has done that.
      const validation = isOld ? '--validate=false' : '--validate=strict';
      await t.sh(`'${tools.kubectl}' apply ${validation} ${flags} -f -`, { stdin: toYaml(manifests) });
    },
    async get(what) {
      return JSON.parse(await kubectl(`get ${what} -o json`)) as Manifest;
    },
    async render(settings = {}) {
      const folder = join(t.scratch, 'overlay');
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'kustomization.yaml'), overlay(t, settings));
      const { stdout } = await t.sh(`'${tools.kubectl}' kustomize '${folder}'`);
      return parseManifests(stdout).map((manifest) => (isOld ? forOldCluster(manifest) : manifest));
    },
    async pods() {
      const list = JSON.parse(await kubectl('get pods -l app=auth-api -o json')) as { items: Manifest[] };
      return list.items.filter(({ metadata }) => !('deletionTimestamp' in metadata));
    },
  };
}

function overlay(t: RowContext, settings: Readonly<Record<string, string>>): string {
  const base =
    '../'.repeat(join(t.scratch, 'overlay').split('/').length - 1) + join(t.root, 'test/deploy/kubernetes').slice(1);
  const [, name = IMAGE, tag = 'latest'] = /^(.*?)(?::([^:/]+))?$/.exec(IMAGE) ?? [];
  return JSON.stringify({
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: [base],
    images: [{ name: 'registry.example.com/auth-api', newName: name, newTag: tag }],
    configMapGenerator: [
      {
        name: 'auth-config',
        namespace: SPACE,
        behavior: 'merge',
        literals: ['LOG_LEVEL=info', ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)],
      },
    ],
  });
}

/** The two kinds whose present form is younger than the cluster: the same fields, but for one, under the former name. */
function forOldCluster(manifest: Manifest): Manifest {
  if (manifest.kind === 'HorizontalPodAutoscaler') return { ...manifest, apiVersion: 'autoscaling/v2beta2' };
  if (manifest.kind !== 'PodDisruptionBudget') return manifest;
  const { unhealthyPodEvictionPolicy: _younger, ...spec } = manifest.spec;
  return { ...manifest, apiVersion: 'policy/v1beta1', spec };
}

/** What deploy/secrets holds, and what the databases of the test start with. */
export function storesManifests(t: RowContext, secrets: string): Manifest[] {
  const names = readdirSync(secrets).filter((name) => /^(db|redis).*_password\.txt$/.test(name));
  const stringData = Object.fromEntries(
    names.map((name) => [name.slice(0, -'.txt'.length), readFileSync(join(secrets, name), 'utf8').trim()]),
  );
  const init = readFileSync(join(t.deploy, 'init-db.sql'), 'utf8');
  const rest = parseManifests(readFileSync(join(t.root, 'test/deploy/kubernetes/stores.yaml'), 'utf8'));
  const made: Manifest[] = [
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'stores' }, stringData },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'init' }, data: { '10-init-db.sql': init } },
    ...rest,
  ];
  return made.map((manifest) => ({ ...manifest, metadata: { ...manifest.metadata, namespace: STORES } }));
}
