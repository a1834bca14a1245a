import { all, find, idOf, type Kit, type Told } from './kit.ts';
import type { Manifest } from './manifest.ts';
import { quantity } from './quantity.ts';
import { containerOf } from './settings.ts';

type Complain = (text: string) => void;

const OWNER_SECRET = 'auth-migration-secrets';

/** Each workload by itself: what it may do, what it gets, and when it is asked how it is. */
export function podFaults(kit: Kit, told: readonly Told[]): string[] {
  const faults: string[] = [];
  for (const one of told) {
    const { workload } = one;
    const complain = (text: string): void => void faults.push(`${idOf(workload)}: ${text}`);
    checkRights(kit, workload, complain);
    checkResources(workload, complain);
    checkFiles(one, complain);
    checkRole(one, complain);
    if (workload.kind === 'Deployment') {
      checkPorts(one, complain);
      checkProbes(one, complain);
      checkEnding(one, complain);
    }
  }
  const images = new Set(told.map(({ workload }) => containerOf(workload).image));
  if (images.size > 1) faults.push(`the servers and the migration are of different images: ${[...images].join(', ')}`);
  return faults;
}

/** The pod-security standard `restricted`, and no way to the Kubernetes API. */
function checkRights(kit: Kit, { spec }: Manifest, complain: Complain): void {
  const pod = spec.template.spec;
  const [container] = pod.containers;
  const must: [boolean, string][] = [
    [pod.securityContext?.runAsNonRoot === true, 'runAsNonRoot is not set'],
    [pod.securityContext?.runAsUser === 1000, 'runAsUser is not 1000, whose the image is'],
    [pod.securityContext?.fsGroup === 1000, 'without fsGroup 1000 the secrets cannot be read'],
    [pod.securityContext?.seccompProfile?.type === 'RuntimeDefault', 'seccompProfile is not RuntimeDefault'],
    [container.securityContext?.allowPrivilegeEscalation === false, 'allowPrivilegeEscalation is not forbidden'],
    [container.securityContext?.readOnlyRootFilesystem === true, 'readOnlyRootFilesystem is not set'],
    [container.securityContext?.capabilities?.drop?.includes('ALL') === true, 'capabilities are not dropped'],
    [pod.automountServiceAccountToken === false, 'a service account token is mounted'],
    [pod.enableServiceLinks === false, 'service links would set variables such as REDIS_PORT'],
    [find(kit, 'ServiceAccount', pod.serviceAccountName) !== undefined, `no ServiceAccount ${pod.serviceAccountName}`],
    [!/(:latest|^[^:@]*)$/.test(container.image), `${container.image} can be anything: name a version or a digest`],
  ];
  for (const [holds, text] of must) if (!holds) complain(text);
  const namespace = all(kit, 'Namespace')[0]?.metadata.labels ?? {};
  if (namespace['pod-security.kubernetes.io/enforce'] !== 'restricted') complain('its namespace is not restricted');
}

function checkResources(workload: Manifest, complain: Complain): void {
  const { requests = {}, limits = {} } = containerOf(workload).resources ?? {};
  for (const [name, text] of [...Object.entries(requests), ...Object.entries(limits)])
    if (Number.isNaN(quantity(text as string))) complain(`${name} ${text} is no quantity`);
  for (const name of ['cpu', 'memory']) if (!(name in requests)) complain(`requests no ${name}`);
  if (!('memory' in limits)) complain('has no limit of memory');
  for (const name of Object.keys(limits))
    if (quantity(requests[name] ?? 0) > quantity(limits[name])) complain(`requests more ${name} than its limit`);
}

function checkFiles({ workload, config }: Told, complain: Complain): void {
  const { volumes = [] } = workload.spec.template.spec;
  const mounts: { name: string; mountPath: string; readOnly?: boolean }[] = containerOf(workload).volumeMounts ?? [];
  for (const { name } of mounts)
    if (!volumes.some((volume: Manifest) => volume.name === name)) complain(`there is no volume ${name}`);
  for (const volume of volumes) {
    const secret = volume.secret ?? (JSON.stringify(volume.projected ?? {}).includes('"secret"') && volume.projected);
    if (!mounts.some(({ name }) => name === volume.name)) complain(`the volume ${volume.name} is not mounted`);
    if (secret && secret.defaultMode !== 0o440) complain(`the secrets in ${volume.name} have not the mode 0440`);
  }
  const isWritable = mounts.some(
    ({ name, mountPath }) =>
      config.DATA_DIR.startsWith(`${mountPath}/`) && volumes.some((one: Manifest) => one.name === name && one.emptyDir),
  );
  if (!isWritable) complain(`DATA_DIR ${config.DATA_DIR} cannot be written to`);
}

/** The owner's password is where the schema is changed, and nowhere else. */
function checkRole({ workload, config }: Told, complain: Complain): void {
  const isJob = workload.kind === 'Job';
  const args = (containerOf(workload).args ?? []).join(' ');
  const user = config.database.kind === 'postgres' ? config.database.connection.user : 'nobody';
  const wanted = isJob ? 'auth_owner' : 'auth_app';
  if (user !== wanted) complain(`signs in to PostgreSQL as ${user}, not as ${wanted}`);
  if (JSON.stringify(workload.spec).includes(OWNER_SECRET) !== isJob)
    complain(isJob ? `has no ${OWNER_SECRET}` : `can read ${OWNER_SECRET}`);
  if (!(isJob ? /^migrate up --grant-app auth_app\b/ : /^serve$/).test(args)) complain(`runs ${args}`);
  if (config.MIGRATE_ON_START) complain('MIGRATE_ON_START: the role of the servers cannot migrate');
  if (isJob && workload.spec.template.spec.restartPolicy !== 'Never') complain('its pods are not kept for their logs');
}

function checkPorts({ workload, config }: Told, complain: Complain): void {
  const { ports = [] } = containerOf(workload) as { ports?: { name: string; containerPort: number }[] };
  const named = Object.fromEntries(ports.map(({ name, containerPort }) => [name, containerPort]));
  if (named.http !== config.PORT) complain(`its port http is ${named.http}, but PORT is ${config.PORT}`);
  if (!config.ENABLE_METRICS) complain('ENABLE_METRICS is off');
  if (named.metrics !== config.METRICS_PORT)
    complain(`its port metrics is ${named.metrics}, but METRICS_PORT is ${config.METRICS_PORT}`);
  const notes = workload.spec.template.metadata.annotations ?? {};
  if (notes['prometheus.io/scrape'] !== 'true' || notes['prometheus.io/port'] !== String(config.METRICS_PORT))
    complain('its annotations do not lead Prometheus to METRICS_PORT');
}

function checkProbes({ workload, config }: Told, complain: Complain): void {
  const container = containerOf(workload);
  const wanted = {
    startupProbe: config.HEALTH_CHECK_PATH,
    livenessProbe: config.HEALTH_CHECK_PATH,
    readinessProbe: config.READY_CHECK_PATH,
  };
  const scheme = config.tls === null ? 'HTTP' : 'HTTPS';
  for (const [name, path] of Object.entries(wanted)) {
    const { httpGet, timeoutSeconds = 1 } = container[name] ?? {};
    if (httpGet?.path !== path) complain(`${name} asks for ${httpGet?.path}, but that is ${path}`);
    if (httpGet?.port !== 'http') complain(`${name} asks on port ${httpGet?.port}, not http`);
    if ((httpGet?.scheme ?? 'HTTP') !== scheme) complain(`${name} does not speak ${scheme}`);
    if (timeoutSeconds < 2) complain(`${name} waits ${timeoutSeconds} s: a busy server would be taken for a dead one`);
  }
  // The server itself gives the database two seconds.
  if (!(container.readinessProbe?.timeoutSeconds >= 3)) complain('readinessProbe gives up before the server does');
}

// Until every kube-proxy and ingress controller has heard that a pod ends; it is off the list of the service at once.
const HEARD_WITHIN = 5;

/** The server stops by itself in SHUTDOWN_GRACE, and goes on accepting for SHUTDOWN_DELAY. */
function checkEnding({ workload, config }: Told, complain: Complain): void {
  const { terminationGracePeriodSeconds: grace = 30 } = workload.spec.template.spec;
  if (containerOf(workload).lifecycle !== undefined)
    complain('a hook delays SIGTERM, from which on the server drains by itself');
  if (grace < config.SHUTDOWN_GRACE + 5)
    complain(`is killed after ${grace} s, but SHUTDOWN_GRACE is ${config.SHUTDOWN_GRACE} s: leave five more`);
  if (config.SHUTDOWN_DELAY < HEARD_WITHIN)
    complain(`SHUTDOWN_DELAY is ${config.SHUTDOWN_DELAY} s: proxies may take ${HEARD_WITHIN} s to hear of the end`);
}
