import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubeTools } from '../kube-tools.ts';
import { kitFaults } from '../kubernetes/check.ts';
import { makeSecrets, readManifests, secretsOf } from '../kubernetes/files.ts';
import { type Manifest, parseManifests } from '../kubernetes/manifest.ts';
import type { Area, RowContext } from '../row.ts';

/** What kubectl and helm make of the overlays and the chart, checked as strictly as the files themselves. */
export const kubernetes: Area = {
  name: 'kubernetes',
  title: 'Kubernetes: overlays and chart',
  rows: [
    { name: 'the overlays are whole, and roll the pods when a setting changes', timeout: 180, run: overlays },
    { name: 'the chart is what the files are', timeout: 180, run: chart },
    { name: 'the chart refuses values that it does not know, and secrets among them', run: refusals },
    { name: 'its choices give whole manifests too', run: choices },
  ],
};

async function overlays(t: RowContext): Promise<void> {
  const { kubectl } = await kubeTools(t);
  const secrets = secretsOf(makeSecrets(t.deploy));
  const render = async (folder: string): Promise<Manifest[]> =>
    parseManifests((await t.sh(`'${kubectl}' kustomize '${folder}'`)).stdout);
  for (const name of ['production', 'staging']) {
    const manifests = await render(join(t.deploy, 'kustomize', name));
    assert.deepEqual(await kitFaults({ manifests, secrets }), [], name);
    t.figure(name, `${manifests.length} manifests`);
  }

  await t.sh(`cp -r '${t.deploy}/k8s' '${t.deploy}/kustomize' .`);
  const overlay = join(t.scratch, 'kustomize/production');
  const settingsName = async (): Promise<string> => {
    const manifests = await render(overlay);
    const name = manifests.find(({ kind }) => kind === 'ConfigMap')?.metadata.name ?? '';
    assert.match(name, /^auth-config-[a-z0-9]{10}$/);
    for (const { kind, spec } of manifests.filter((one) => ['Deployment', 'Job'].includes(one.kind)))
      assert.equal(spec.template.spec.containers[0].envFrom[0].configMapRef.name, name, kind);
    return name;
  };
  const before = await settingsName();
  await t.sh(`sed -i 's|PUBLIC_URL=.*|&\\n      - LOG_LEVEL=warn|' '${overlay}/kustomization.yaml'`);
  assert.notEqual(await settingsName(), before);
}

interface Chart {
  template(flags?: string): Promise<Manifest[]>;
  fails(flags: string): Promise<string>;
}

async function openChart(t: RowContext): Promise<Chart> {
  const { helm } = await kubeTools(t);
  const command = `'${helm}' template auth-api '${t.deploy}/helm/auth-api' --namespace auth-system`;
  return {
    template: async (flags = '') => parseManifests((await t.sh(`${command} ${flags}`)).stdout),
    async fails(flags) {
      const { status, stderr } = await t.sh(`${command} ${flags}`, { ok: false });
      assert.notEqual(status, 0, flags);
      return stderr;
    },
  };
}

/** Kustomize and Helm say the same in their own ways: only what each of them adds is taken off. */
function comparable(manifests: readonly Manifest[]): Record<string, Manifest> {
  return Object.fromEntries(
    manifests.map((manifest) => {
      const one = structuredClone(manifest);
      for (const label of ['app.kubernetes.io/managed-by', 'helm.sh/chart']) delete one.metadata.labels?.[label];
      if (one.kind === 'Job') one.metadata.name = 'auth-migrate';
      if (one.kind === 'Deployment') {
        delete one.spec.replicas;
        delete one.spec.template.metadata.annotations['checksum/settings'];
      }
      return [`${one.kind}/${one.metadata.name}`, one];
    }),
  );
}

async function chart(t: RowContext): Promise<void> {
  const { helm } = await kubeTools(t);
  await t.sh(`'${helm}' lint --strict '${t.deploy}/helm/auth-api'`);
  const { template } = await openChart(t);
  const files = readManifests(t.deploy).filter(({ kind }) => kind !== 'Namespace');
  const made = comparable(await template());
  assert.deepEqual(made, comparable(files.filter(({ kind }) => !['HTTPRoute', 'PodMonitor'].includes(kind))));
  const beside = comparable(await template('--set gateway.enabled=true,podMonitor.enabled=true'));
  assert.deepEqual(beside, comparable(files.filter(({ kind }) => kind !== 'Ingress')));
  t.figure('manifests', Object.keys(made).length);
}

async function refusals(t: RowContext): Promise<void> {
  const { fails } = await openChart(t);
  assert.match(await fails('--set image.tagg=1'), /'tagg' not allowed/);
  assert.match(await fails('--set image.tag=latest'), /tag/);
  assert.match(await fails('--set settings.DB_PASSWORD=geheim'), /DB_PASSWORD/);
  assert.match(await fails('--set settings.PUBLIC_URL=http://a.example'), /PUBLIC_URL/);
  assert.match(await fails('--set replicas=1'), /replicas/);
  assert.match(await fails('--set resources.limits.memory=null'), /memory/);
}

async function choices(t: RowContext): Promise<void> {
  const { template } = await openChart(t);
  const namespace = parseManifests(readFileSync(join(t.deploy, 'k8s/namespace.yaml'), 'utf8')).slice(0, 1);
  const secrets = secretsOf(makeSecrets(t.deploy));
  const digest = `sha256:${'a1'.repeat(32)}`;
  const sets = {
    'no autoscaler': 'autoscaling.enabled=false,replicas=2',
    'other ports': 'settings.PORT=8080,settings.METRICS_PORT=9100,settings.DB_PORT=6432,settings.REDIS_PORT=6380',
    'a digest': `image.digest=${digest},imagePullSecrets[0].name=registry`,
    'another host': 'settings.PUBLIC_URL=https://login.example.org,gateway.enabled=true,podMonitor.enabled=true',
  };
  for (const [name, values] of Object.entries(sets)) {
    const manifests = [...namespace, ...(await template(`--set '${values}'`))];
    assert.deepEqual(await kitFaults({ manifests, secrets }), [], name);
  }
  const names = async (values: string): Promise<string[]> =>
    (await template(`--set '${values}'`)).filter(({ kind }) => kind === 'Job').map(({ metadata }) => metadata.name);
  assert.notDeepEqual(
    await names('image.tag=1.0.0'),
    await names('image.tag=2.0.0'),
    'each release has a migration of its own',
  );
}
