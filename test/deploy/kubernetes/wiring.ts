import { all, find, idOf, type Kit, selects, type Told } from './kit.ts';
import type { Manifest } from './manifest.ts';
import { containerOf } from './settings.ts';

type Complain = (text: string) => void;

/** What one manifest says of another. */
export function wiringFaults(kit: Kit, told: readonly Told[]): string[] {
  const faults: string[] = [];
  const server = told.find(({ workload }) => workload.kind === 'Deployment');
  const job = told.find(({ workload }) => workload.kind === 'Job');
  if (!server) return ['there is no Deployment'];
  if (!job) faults.push('there is no migration');
  for (const manifest of kit.manifests) {
    const complain = (text: string): void => void faults.push(`${idOf(manifest)}: ${text}`);
    if (manifest.kind === 'Deployment') checkDeployment(manifest, complain);
    if (manifest.kind === 'Service') checkService(manifest, server, job, complain);
    if (manifest.kind === 'Ingress') checkIngress(kit, manifest, server, complain);
    if (manifest.kind === 'HTTPRoute') checkRoute(kit, manifest, server, complain);
    if (manifest.kind === 'HorizontalPodAutoscaler') checkAutoscaler(kit, manifest, complain);
    if (manifest.kind === 'PodDisruptionBudget') checkBudget(kit, manifest, server, complain);
    if (manifest.kind === 'PodMonitor') checkMonitor(manifest, server, complain);
  }
  const ways = [...all(kit, 'Ingress'), ...all(kit, 'HTTPRoute')];
  if (ways.length === 0) faults.push('there is no way in: neither an Ingress nor an HTTPRoute');
  if (all(kit, 'PodDisruptionBudget').length === 0) faults.push('there is no disruption budget');
  return [...faults, ...connectionFaults(kit, server)];
}

function labelsOf(workload: Manifest): Record<string, string> {
  return workload.spec.template.metadata.labels ?? {};
}

function portNames(workload: Manifest): string[] {
  return (containerOf(workload).ports ?? []).map((port: { name: string }) => port.name);
}

function checkDeployment(deployment: Manifest, complain: Complain): void {
  const { selector, strategy, template, progressDeadlineSeconds = 600, minReadySeconds = 0 } = deployment.spec;
  const labels = labelsOf(deployment);
  if (!selects(selector.matchLabels, labels)) complain('its selector does not find its own pods');
  const { maxUnavailable, maxSurge } = strategy?.rollingUpdate ?? {};
  if (maxUnavailable !== 0 || !(maxSurge >= 1)) complain('an update takes pods away before there are new ones');
  const { periodSeconds, failureThreshold } = containerOf(deployment).startupProbe;
  if (progressDeadlineSeconds < periodSeconds * failureThreshold + minReadySeconds)
    complain('an update counts as failed before a pod may have started');
  const spread = template.spec.topologySpreadConstraints ?? [];
  for (const { topologyKey, labelSelector } of spread)
    if (!selects(labelSelector.matchLabels, labels)) complain(`the spread over ${topologyKey} does not count its pods`);
  for (const key of ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'])
    if (!spread.some((one: { topologyKey: string }) => one.topologyKey === key)) complain(`is not spread over ${key}`);
}

function checkService(service: Manifest, server: Told, job: Told | undefined, complain: Complain): void {
  const { selector, ports } = service.spec;
  if (!selects(selector, labelsOf(server.workload))) complain('does not find the servers');
  if (job && selects(selector, labelsOf(job.workload))) complain('finds the pods of the migration');
  const names = portNames(server.workload);
  for (const { name, targetPort } of ports) {
    if (!names.includes(targetPort)) complain(`its port ${name} leads to ${targetPort}, which the servers do not have`);
    if (targetPort === 'metrics') complain('makes the metrics reachable beside the API');
  }
}

function hostOf({ config }: Told): string {
  return new URL(config.PUBLIC_URL).host;
}

function checkIngress(kit: Kit, { spec }: Manifest, server: Told, complain: Complain): void {
  if (!spec.ingressClassName) complain('names no class');
  for (const { host, http } of spec.rules) {
    if (host !== hostOf(server)) complain(`is for ${host}, but PUBLIC_URL is ${server.config.PUBLIC_URL}`);
    if (!spec.tls?.some((one: { hosts: string[] }) => one.hosts.includes(host)))
      complain(`has no certificate for ${host}`);
    for (const { backend } of http.paths) {
      const ports = find(kit, 'Service', backend.service.name)?.spec.ports ?? [];
      const { name, number } = backend.service.port;
      if (!ports.some((one: { name: string; port: number }) => one.name === name || one.port === number))
        complain(`leads to ${backend.service.name}:${name ?? number}, which is not there`);
    }
  }
}

function checkRoute(kit: Kit, { spec }: Manifest, server: Told, complain: Complain): void {
  for (const host of spec.hostnames)
    if (host !== hostOf(server)) complain(`is for ${host}, but PUBLIC_URL is ${server.config.PUBLIC_URL}`);
  for (const { backendRefs = [], filters = [] } of spec.rules) {
    const leads = backendRefs.length > 0 || filters.some((one: { type: string }) => one.type === 'RequestRedirect');
    if (!leads) complain('a rule of it leads nowhere');
    for (const { name, port } of backendRefs)
      if (!find(kit, 'Service', name)?.spec.ports.some((one: { port: number }) => one.port === port))
        complain(`leads to ${name}:${port}, which is not there`);
  }
}

function checkAutoscaler(kit: Kit, { spec }: Manifest, complain: Complain): void {
  const { scaleTargetRef: target, minReplicas = 1, maxReplicas, metrics = [] } = spec;
  const deployment = find(kit, target.kind, target.name);
  if (!deployment || deployment.apiVersion !== target.apiVersion) {
    complain(`there is no ${target.kind} ${target.name}`);
    return;
  }
  if (minReplicas < 2) complain('lets a single pod be all there is');
  if (minReplicas > maxReplicas) complain('its least is more than its most');
  if ((deployment.spec.replicas ?? minReplicas) < minReplicas) complain('the Deployment begins with fewer pods');
  const requests = containerOf(deployment).resources.requests;
  for (const { resource } of metrics)
    if (resource && !(resource.name in requests)) complain(`measures ${resource.name}, of which nothing is requested`);
}

/** As many pods as there are at the least. */
function fewest(kit: Kit, deployment: Manifest): number {
  return all(kit, 'HorizontalPodAutoscaler')[0]?.spec.minReplicas ?? deployment.spec.replicas ?? 1;
}

function checkBudget(kit: Kit, { spec }: Manifest, { workload }: Told, complain: Complain): void {
  const pods = fewest(kit, workload);
  const keeps = spec.minAvailable ?? pods - spec.maxUnavailable;
  if (!selects(spec.selector.matchLabels, labelsOf(workload))) complain('does not find the servers');
  if (!(keeps >= 1)) complain(`lets all ${pods} pods be taken at once`);
  if (!(keeps < pods)) complain(`never lets one of ${pods} pods be taken: no node could be drained`);
}

function checkMonitor({ spec }: Manifest, { workload }: Told, complain: Complain): void {
  if (!selects(spec.selector.matchLabels, labelsOf(workload))) complain('does not find the servers');
  for (const { port } of spec.podMetricsEndpoints)
    if (port !== 'metrics') complain(`asks the port ${port}, not metrics`);
}

const LEFT_BY_POSTGRESQL = 97;
const BESIDE_POOL = 2;

function connectionFaults(kit: Kit, { workload, config }: Told): string[] {
  if (config.database.kind !== 'postgres') return [`${idOf(workload)}: has no PostgreSQL`];
  const most = all(kit, 'HorizontalPodAutoscaler')[0]?.spec.maxReplicas ?? workload.spec.replicas ?? 1;
  const pods = most + workload.spec.strategy.rollingUpdate.maxSurge;
  const count = pods * (config.database.poolMax + BESIDE_POOL);
  return count > LEFT_BY_POSTGRESQL
    ? [
        `${idOf(workload)}: ${pods} pods may open ${count} connections, and PostgreSQL's default leaves ${LEFT_BY_POSTGRESQL}`,
      ]
    : [];
}
