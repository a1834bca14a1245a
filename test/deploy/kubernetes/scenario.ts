import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LoadResult, startLoad } from '../load.ts';
import { signedInClients } from '../load-session.ts';
import type { RowContext } from '../row.ts';
import type { Cluster } from './cluster.ts';

const ACCOUNT = { email: 'load@example.com', password: 'Vorsicht-Stufe-17-am-Steg' };
const CONNECTIONS = 8;

export async function until(what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain until ${what}`);
    await sleep(500);
  }
}

/** Settled: so many pods of the newest template, all available, and none of before. */
export async function deploymentIs(cluster: Cluster, replicas: number): Promise<boolean> {
  const { metadata, spec, status } = await cluster.get('deployment auth-api');
  return (
    spec.replicas === replicas &&
    status.observedGeneration === (metadata as { generation?: number }).generation &&
    (status.updatedReplicas ?? 0) === replicas &&
    (status.availableReplicas ?? 0) === replicas &&
    (status.replicas ?? 0) === replicas
  );
}

export async function account({ kubectl }: Cluster): Promise<void> {
  const { email, password } = ACCOUNT;
  const create = `node /app/server/bin/auth-api.mjs users create --email=${email} --password-stdin`;
  await kubectl(`exec -i deployment/auth-api -- ${create}`, { stdin: password });
}

/**
 * Where the servers are reached from this machine: the service's NodePort on a node that runs here, else where
 * KUBE_LOAD_URL says, such as a port that is forwarded to an ingress controller.
 */
async function loadUrl({ get }: Cluster): Promise<string> {
  const { spec } = await get('service auth-api-service');
  const url = process.env.KUBE_LOAD_URL ?? `http://127.0.0.1:${spec.ports[0].nodePort}`;
  const answers = async (): Promise<boolean> =>
    (await fetch(new URL('/health', url), { signal: AbortSignal.timeout(5000) }).catch(() => null))?.status === 200;
  await until(`${url} answers (another address of the service, on this machine, goes into KUBE_LOAD_URL)`, 60, answers);
  return url;
}

/** Acts while clients are at work, and takes not one failed request. */
export async function underLoad(
  t: RowContext,
  cluster: Cluster,
  name: string,
  act: () => Promise<void>,
): Promise<void> {
  const { failed, firstFailures } = await loaded(t, cluster, name, act);
  assert.deepEqual(failed, {}, `requests failed:\n${firstFailures.join('\n')}`);
}

export async function loaded(
  t: RowContext,
  cluster: Cluster,
  name: string,
  act: () => Promise<void>,
): Promise<LoadResult> {
  const url = await loadUrl(cluster);
  const client = await signedInClients({ url }, ACCOUNT, CONNECTIONS);
  // Whether requests are lost is the question here, not how fast this machine is: figures tell that.
  const load = startLoad({
    url,
    client,
    connections: CONNECTIONS,
    rate: 80,
    requestsPerConnection: 40,
    patience: 30,
    atMost: 900,
  });
  t.after(() => load.stop());
  await sleep(1000);
  await act();
  await sleep(1000);
  const result = await load.stop();
  const { sent, ok, seconds, p50, p99, max } = result;
  t.figure(name, `${sent - ok} of ${sent} failed in ${seconds} s (ms: p50 ${p50}, p99 ${p99}, max ${max})`);
  return result;
}
