import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, openCluster, SPACE, STORES, storesManifests } from '../kubernetes/cluster.ts';
import { parseManifests } from '../kubernetes/manifest.ts';
import { account, deploymentIs, loaded, underLoad, until } from '../kubernetes/scenario.ts';
import type { Area, Row, RowContext } from '../row.ts';

const withoutCluster = (): string | null =>
  process.env.KUBECONFIG ? null : 'set KUBECONFIG to a cluster that may be used for it';

function row(name: string, timeout: number, run: (t: RowContext, cluster: Cluster) => Promise<void>): Row {
  return { name, timeout, skipUnless: withoutCluster, run: async (t) => run(t, await openCluster(t)) };
}

/** On a real API server, with real kubelets: what a schema cannot tell. Each row starts from three ready pods. */
export const kubernetesCluster: Area = {
  name: 'kubernetes-cluster',
  title: 'Kubernetes, on the cluster that KUBECONFIG names',
  rows: [
    row('takes every manifest, migrates, and three pods become ready', 400, install),
    row('rolls under load when a setting changes, and when it is told to', 600, roll),
    row('a release that cannot be pulled or cannot start gets no traffic and is undone', 600, breakAndUndo),
    row('scales by hand and by the autoscaler under load, and back', 600, scale),
    row('a drain and an eviction take one pod at a time, and nobody notices', 600, drain),
    row('a deleted pod is replaced, and nobody notices; with no pod everybody does', 600, deletePods),
    row('secrets left as in the example stop the server with their names', 120, refuseSamples),
    row('leaves nothing behind', 240, async (_, cluster) => remove(cluster)),
  ],
};

async function remove({ kubectl }: Cluster): Promise<void> {
  await kubectl(`delete namespace ${SPACE} ${STORES} --ignore-not-found --timeout=200s`, { seconds: 210 });
}

async function install(t: RowContext, cluster: Cluster): Promise<void> {
  const { kubectl, apply, render } = cluster;
  await remove(cluster);
  const version = (await cluster.raw('/version')) as { gitVersion: string };
  t.figure('Kubernetes', version.gitVersion);
  await kubectl(`create namespace ${STORES}`);
  // The kit's own script, beside which the secrets come to be: not those that this checkout may have.
  await t.sh(`cp '${t.deploy}/make-secrets.sh' . && ./make-secrets.sh`);
  await apply(storesManifests(t, join(t.scratch, 'secrets')));

  const manifests = await render();
  await apply(manifests.filter(({ kind }) => kind === 'Namespace'));
  await t.sh(`'${t.deploy}/k8s/make-secrets.sh' --from secrets --to secrets.yaml --namespace ${SPACE}`);
  await kubectl('apply -f secrets.yaml');
  await apply(manifests, '--dry-run=server');
  t.figure('manifests', manifests.length);
  for (const name of ['postgres', 'redis'])
    await kubectl(`-n ${STORES} rollout status deployment/${name} --timeout=90s`, { seconds: 100 });

  const started = performance.now();
  await apply(manifests);
  await kubectl('wait --for=condition=complete job/auth-migrate --timeout=120s', { seconds: 130 });
  t.figure('migrated after s', Math.round((performance.now() - started) / 100) / 10);
  await until('three pods are ready', 120, () => deploymentIs(cluster, 3));
  t.figure('3 ready after s', Math.round((performance.now() - started) / 100) / 10);
  await account(cluster);
}

async function roll(t: RowContext, cluster: Cluster): Promise<void> {
  const before = (await cluster.get('deployment auth-api')).spec.template;
  await underLoad(t, cluster, 'rolls', async () => {
    const manifests = (await cluster.render({ AUDIT_RETENTION_DAYS: '400' })).filter(({ kind }) => kind !== 'Job');
    await cluster.apply(manifests);
    await cluster.kubectl('rollout status deployment/auth-api --timeout=180s', { seconds: 190 });
    for (let round = 1; round < t.rounds; round++) {
      await cluster.kubectl('rollout restart deployment/auth-api');
      await cluster.kubectl('rollout status deployment/auth-api --timeout=180s', { seconds: 190 });
    }
  });
  const after = (await cluster.get('deployment auth-api')).spec.template;
  assert.notDeepEqual(after, before, 'another hash of the settings, so other pods');
}

async function breakAndUndo(t: RowContext, cluster: Cluster): Promise<void> {
  const { kubectl } = cluster;
  const release = {
    'cannot be pulled': 'set image deployment/auth-api auth-api=registry.invalid/auth-api:none',
    'cannot start': 'set env deployment/auth-api PORT=none',
    'is never ready': 'set env deployment/auth-api DB_HOST=nowhere.invalid',
  };
  const deadline = (seconds: number): Promise<string> =>
    kubectl(`patch deployment auth-api -p '{"spec":{"progressDeadlineSeconds":${seconds}}}'`);
  for (const [name, command] of Object.entries(release)) {
    await underLoad(t, cluster, name, async () => {
      await deadline(30);
      await kubectl(command);
      const failure = await cluster.attempt('rollout status deployment/auth-api --timeout=150s', { seconds: 160 });
      assert.match(failure.stderr, /exceeded its progress deadline/);
      await deadline(300);
      await kubectl('rollout undo deployment/auth-api');
      await until('three pods are ready', 150, () => deploymentIs(cluster, 3));
    });
  }
}

async function scale(t: RowContext, cluster: Cluster): Promise<void> {
  const { kubectl } = cluster;
  // Where there is an autoscaler, it alone decides.
  const autoscaler = (await cluster.render()).filter(({ kind }) => kind === 'HorizontalPodAutoscaler');
  await kubectl('delete hpa auth-api');
  t.after(() => cluster.apply(autoscaler));
  await underLoad(t, cluster, 'by hand', async () => {
    await kubectl('scale deployment auth-api --replicas=5');
    await until('five pods are ready', 150, () => deploymentIs(cluster, 5));
    await kubectl('scale deployment auth-api --replicas=3');
    await until('three pods are left', 150, () => deploymentIs(cluster, 3));
  });
  await cluster.apply(autoscaler);
  const metrics = await cluster.raw(`/apis/metrics.k8s.io/v1beta1/namespaces/${SPACE}/pods`);
  if (metrics === null) return t.figure('autoscaler', 'no metrics API here');

  const started = performance.now();
  const seconds = (): number => Math.round((performance.now() - started) / 1000);
  const target = (averageUtilization: number): Promise<void> => {
    const changed = structuredClone(autoscaler);
    for (const { spec } of changed) spec.metrics[0].resource.target.averageUtilization = averageUtilization;
    return cluster.apply(changed);
  };
  await underLoad(t, cluster, 'scales', async () => {
    await target(5);
    await until('five pods are ready', 150, () => deploymentIs(cluster, 5));
    t.figure('5 ready after s', seconds());
    await target(400);
    await until('three pods are left', 180, () => deploymentIs(cluster, 3));
    t.figure('3 again after s', seconds());
  });
}

async function drain(t: RowContext, cluster: Cluster): Promise<void> {
  const { kubectl } = cluster;
  const evict = async (pod: string): Promise<string> => {
    const body = { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: pod, namespace: SPACE } };
    const version = (await cluster.raw('/apis/policy/v1')) === null ? body : { ...body, apiVersion: 'policy/v1' };
    const { status, stderr } = await cluster.attempt(
      `create --raw /api/v1/namespaces/${SPACE}/pods/${pod}/eviction -f -`,
      { stdin: JSON.stringify(version) },
    );
    return status === 0 ? 'evicted' : stderr;
  };
  await underLoad(t, cluster, 'evicts', async () => {
    const names = (await cluster.pods()).map(({ metadata }) => metadata.name);
    const answers = [];
    for (const name of names) answers.push(await evict(name));
    assert.equal(answers[0], 'evicted');
    assert.match(answers.slice(1).join(), /disruption budget.*disruption budget/s);
    await until('three pods are ready', 150, () => deploymentIs(cluster, 3));
  });
  const node = (await cluster.pods())[0]?.spec.nodeName as string;
  const others = ((await cluster.get('nodes')).items as unknown[]).length - 1;
  t.after(() => kubectl(`uncordon ${node}`));
  await underLoad(t, cluster, 'drains', async () => {
    const { status } = await cluster.attempt(
      `drain ${node} --pod-selector=app=auth-api --delete-emptydir-data --timeout=${others > 0 ? 120 : 25}s`,
      { seconds: 130 },
    );
    // With nowhere else to go, one pod waits for a place, and the budget holds the other two.
    if (others > 0) assert.equal(status, 0);
    else assert.equal(await ready(cluster), 2);
    await kubectl(`uncordon ${node}`);
    await until('three pods are ready', 150, () => deploymentIs(cluster, 3));
  });
}

async function ready(cluster: Cluster): Promise<number> {
  return (await cluster.get('deployment auth-api')).status.readyReplicas ?? 0;
}

async function deletePods(t: RowContext, cluster: Cluster): Promise<void> {
  const { kubectl } = cluster;
  await underLoad(t, cluster, 'deletes', async () => {
    for (let round = 0; round < 3; round++) {
      const [pod] = await cluster.pods();
      await kubectl(`delete pod ${pod?.metadata.name} --wait=false`);
      await sleep(1000);
      await until('three pods are ready', 150, () => deploymentIs(cluster, 3));
    }
  });
  const { failed } = await loaded(t, cluster, 'nobody there', async () => {
    await kubectl('scale deployment auth-api --replicas=0');
    await until('there is no pod', 150, () => deploymentIs(cluster, 0));
    await sleep(8000);
    await kubectl('scale deployment auth-api --replicas=3');
    await until('three pods are ready', 150, () => deploymentIs(cluster, 3));
  });
  assert.notDeepEqual(failed, {}, 'the counter-proof: the load tells when it is not answered');
}

async function refuseSamples(t: RowContext, cluster: Cluster): Promise<void> {
  const { kubectl } = cluster;
  const secret = parseManifests(readFileSync(join(t.deploy, 'k8s/secrets.example.yaml'), 'utf8'))[0];
  assert.ok(secret);
  const template = (await cluster.get('deployment auth-api')).spec.template;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'samples', namespace: SPACE }, spec: template.spec };
  const spec = structuredClone(pod.spec);
  spec.restartPolicy = 'Never';
  for (const volume of spec.volumes) if (volume.secret) volume.secret.secretName = 'samples';
  await cluster.apply([
    { ...secret, metadata: { name: 'samples', namespace: SPACE } },
    { ...pod, spec },
  ]);
  t.after(() => kubectl('delete pod/samples secret/samples --ignore-not-found'));
  await until('it has ended', 150, async () => (await cluster.get('pod samples')).status.phase === 'Failed');
  const text = await kubectl('logs samples');
  for (const name of ['DB_PASSWORD', 'ENCRYPTION_KEY', 'SESSION_SECRET', 'CSRF_SECRET', 'JWT_REFRESH_SECRET'])
    assert.match(text, new RegExp(name));
  const ended = (await cluster.get('pod samples')).status.containerStatuses[0].state.terminated.exitCode;
  t.figure('exit code', ended);
  assert.equal(ended, 78);
}
