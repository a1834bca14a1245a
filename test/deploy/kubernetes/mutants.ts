import type { Manifest } from './manifest.ts';

/** A mistake that somebody could make in the manifests, and what must be said of it. */
export type Mutant = readonly [mistake: string, make: (kit: Parts) => void, said: RegExp];

/** The first of that kind, of that name. */
export type Parts = (kind: string, name?: string) => Manifest;

const pod = (of: Parts, kind = 'Deployment') => of(kind).spec.template.spec;
const container = (of: Parts, kind = 'Deployment') => pod(of, kind).containers[0];
const settings = (of: Parts) => of('ConfigMap').data;

export const MUTANTS: readonly Mutant[] = [
  // The schema
  ['a field misspelt at the top', (of) => Object.assign(of('Service'), { sepc: {} }), /sepc is not a field/],
  [
    'a field misspelt deep down',
    (of) => Object.assign(container(of).ports[0], { protcol: 'TCP' }),
    /protcol is not a field/,
  ],
  ['a field of the metadata misspelt', (of) => Object.assign(of('Ingress').metadata, { anotations: {} }), /anotations/],
  ['a field at the wrong place', (of) => Object.assign(container(of), { fsGroup: 1000 }), /fsGroup is not a field/],
  ['a text for a number', (of) => Object.assign(of('Deployment').spec, { replicas: 'three' }), /replicas/],
  ['a number for a text', (of) => Object.assign(settings(of), { PORT: 3000 }), /PORT/],
  ['what is required left out', (of) => delete container(of).name, /name/],
  ['a choice that there is not', (of) => Object.assign(of('Deployment').spec.strategy, { type: 'Rolling' }), /type/],
  [
    'a version that is gone',
    (of) => Object.assign(of('PodDisruptionBudget'), { apiVersion: 'policy/v1beta1' }),
    /there is no/,
  ],
  ['a kind misspelt', (of) => Object.assign(of('HTTPRoute'), { kind: 'HttpRoute' }), /there is no HttpRoute/],
  [
    'a field that the gateway does not know',
    (of) => Object.assign(of('HTTPRoute').spec, { hostname: 'a' }),
    /hostname is not/,
  ],
  [
    'two of one name',
    (of) => Object.assign(of('NetworkPolicy', 'auth-api').metadata, { name: 'default-deny' }),
    /there twice/,
  ],
  [
    'another namespace',
    (of) => Object.assign(of('Service').metadata, { namespace: 'default' }),
    /its namespace default/,
  ],
  // The settings
  ['a made-up setting', (of) => Object.assign(settings(of), { RATE_LIMITS: '3' }), /RATE_LIMITS is not a setting/],
  ['a value that the server refuses', (of) => Object.assign(settings(of), { SHUTDOWN_DELAY: '8 s' }), /SHUTDOWN_DELAY/],
  ['a setting that is required left out', (of) => delete settings(of).EMAIL_FROM, /EMAIL_FROM: is missing/],
  [
    'a secret among the settings',
    (of) => Object.assign(settings(of), { SMTP_PASSWORD: 'x' }),
    /SMTP_PASSWORD is a secret/,
  ],
  [
    'a file for what is no secret',
    (of) => container(of).env.push({ name: 'DB_HOST_FILE', value: '/a' }),
    /DB_HOST_FILE is not/,
  ],
  [
    'a secret as a variable',
    (of) =>
      Object.assign(container(of).env[0], { value: undefined, valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }),
    /takes a secret as a variable/,
  ],
  [
    'a key that make-secrets.sh does not make',
    (of) => Object.assign(container(of).env[0], { value: '/run/secrets/auth-api/db-password' }),
    /DB_PASSWORD_FILE: names .* does not exist/,
  ],
  [
    'a secret that make-secrets.sh does not make',
    (of) => Object.assign(pod(of).volumes[0].secret, { secretName: 'jwt-keys' }),
    /makes no secret jwt-keys/,
  ],
  [
    'a ConfigMap that is not there',
    (of) => Object.assign(of('ConfigMap').metadata, { name: 'auth-conf' }),
    /no ConfigMap/,
  ],
  ['a plain public URL', (of) => Object.assign(settings(of), { PUBLIC_URL: 'http://auth.example.com' }), /PUBLIC_URL/],
  // The pods
  ['the port of the server elsewhere', (of) => Object.assign(settings(of), { PORT: '3001' }), /port http is 3000/],
  [
    'the port of the metrics elsewhere',
    (of) => Object.assign(settings(of), { METRICS_PORT: '9090' }),
    /port metrics is 9464/,
  ],
  [
    'a probe of another path',
    (of) => Object.assign(settings(of), { READY_CHECK_PATH: '/readyz' }),
    /readinessProbe asks/,
  ],
  [
    'liveness that asks for readiness',
    (of) => Object.assign(container(of).livenessProbe.httpGet, { path: '/ready' }),
    /liveness/,
  ],
  [
    'a probe of the metrics port',
    (of) => Object.assign(container(of).startupProbe.httpGet, { port: 'metrics' }),
    /on port metrics/,
  ],
  [
    'a probe without patience',
    (of) => delete container(of).readinessProbe.timeoutSeconds,
    /gives up before the server/,
  ],
  ['no time to finish', (of) => Object.assign(pod(of), { terminationGracePeriodSeconds: 25 }), /is killed after 25 s/],
  ['no time to be noticed', (of) => Object.assign(settings(of), { SHUTDOWN_DELAY: '3s' }), /proxies may take 5 s/],
  [
    'more requested than allowed',
    (of) => Object.assign(container(of).resources.requests, { memory: '1Gi' }),
    /more memory/,
  ],
  [
    'a quantity that is none',
    (of) => Object.assign(container(of).resources.limits, { memory: '512MB' }),
    /no quantity|memory/,
  ],
  ['the latest image', (of) => Object.assign(container(of), { image: 'a.example/auth-api:latest' }), /can be anything/],
  [
    'another image for the migration',
    (of) => Object.assign(container(of, 'Job'), { image: 'a.example/a:1' }),
    /different images/,
  ],
  ['root', (of) => Object.assign(pod(of).securityContext, { runAsUser: 0 }), /runAsUser is not 1000/],
  [
    'capabilities kept',
    (of) => delete container(of, 'Job').securityContext.capabilities,
    /capabilities are not dropped/,
  ],
  [
    'a root that can be written to',
    (of) => delete container(of).securityContext.readOnlyRootFilesystem,
    /readOnlyRoot/,
  ],
  ['secrets that all can read', (of) => Object.assign(pod(of).volumes[0].secret, { defaultMode: 0o444 }), /mode 0440/],
  ['nowhere to write', (of) => Object.assign(settings(of), { DATA_DIR: '/data' }), /DATA_DIR \/data cannot/],
  ['a volume without a mount', (of) => container(of).volumeMounts.pop(), /the volume tmp is not mounted/],
  ['a token for the API', (of) => delete pod(of).automountServiceAccountToken, /token is mounted/],
  ['service links', (of) => delete pod(of).enableServiceLinks, /service links/],
  [
    'an account that is not there',
    (of) => Object.assign(pod(of), { serviceAccountName: 'server' }),
    /no ServiceAccount server/,
  ],
  ['a namespace for anything', (of) => delete of('Namespace').metadata.labels, /not restricted/],
  // Who migrates
  [
    "the owner's password for the servers",
    (of) => Object.assign(pod(of).volumes[1], { secret: { secretName: 'auth-migration-secrets', defaultMode: 0o440 } }),
    /can read auth-migration-secrets/,
  ],
  ['servers that are the owner', (of) => Object.assign(settings(of), { DB_USER: 'auth_owner' }), /not as auth_app/],
  ['servers that migrate', (of) => Object.assign(settings(of), { MIGRATE_ON_START: 'true' }), /MIGRATE_ON_START/],
  [
    'a migration that only looks',
    (of) => Object.assign(container(of, 'Job'), { args: ['migrate', 'status'] }),
    /runs migrate status/,
  ],
  // What leads to what
  [
    'a service for other pods',
    (of) => Object.assign(of('Service').spec.selector, { app: 'auth' }),
    /does not find the servers/,
  ],
  [
    'a service for the migration too',
    (of) => Object.assign(of('Service').spec, { selector: { 'app.kubernetes.io/part-of': 'auth-api' } }),
    /finds the pods of the migration/,
  ],
  [
    'a port that is not there',
    (of) => Object.assign(of('Service').spec.ports[0], { targetPort: 'web' }),
    /leads to web/,
  ],
  [
    'public metrics',
    (of) => of('Service').spec.ports.push({ name: 'm', port: 9464, targetPort: 'metrics' }),
    /metrics reachable/,
  ],
  [
    'an ingress for another name',
    (of) => Object.assign(of('Ingress').spec.rules[0], { host: 'a.example.com' }),
    /is for a\.example/,
  ],
  [
    'an ingress to nowhere',
    (of) => Object.assign(of('Ingress').spec.rules[0].http.paths[0].backend.service, { name: 'auth-api' }),
    /leads to auth-api:http/,
  ],
  [
    'a route to another port',
    (of) => Object.assign(of('HTTPRoute').spec.rules[0].backendRefs[0], { port: 3000 }),
    /:3000, which/,
  ],
  [
    'a budget that never gives',
    (of) => Object.assign(of('PodDisruptionBudget').spec, { maxUnavailable: 0 }),
    /no node could/,
  ],
  [
    'a budget that keeps nothing',
    (of) => Object.assign(of('PodDisruptionBudget').spec, { maxUnavailable: 3 }),
    /be taken at once/,
  ],
  [
    'an autoscaler below the budget',
    (of) => Object.assign(of('HorizontalPodAutoscaler').spec, { minReplicas: 1 }),
    /single pod[\s\S]*be taken at once/,
  ],
  [
    'an autoscaler of nothing',
    (of) => Object.assign(of('HorizontalPodAutoscaler').spec.scaleTargetRef, { name: 'app' }),
    /there is no Deployment app/,
  ],
  [
    'more connections than there are',
    (of) => Object.assign(of('HorizontalPodAutoscaler').spec, { maxReplicas: 20 }),
    /may open 168 connections/,
  ],
  [
    'an update that takes pods away',
    (of) => Object.assign(of('Deployment').spec.strategy.rollingUpdate, { maxUnavailable: 1 }),
    /takes pods away/,
  ],
  [
    'a spread over other pods',
    (of) => Object.assign(pod(of).topologySpreadConstraints[0].labelSelector.matchLabels, { app: 'x' }),
    /does not count its pods/,
  ],
  [
    'a monitor of another port',
    (of) => Object.assign(of('PodMonitor').spec.podMetricsEndpoints[0], { port: 'http' }),
    /asks the port http/,
  ],
  // The network
  [
    'an open namespace',
    (of) => Object.assign(of('NetworkPolicy').spec, { podSelector: { matchLabels: { a: 'b' } } }),
    /closes the/,
  ],
  ['no names', (of) => of('NetworkPolicy', 'auth-api').spec.egress.shift(), /cannot ask for names/],
  [
    'another port of PostgreSQL',
    (of) => Object.assign(settings(of), { DB_PORT: '6432' }),
    /does not reach PostgreSQL on 6432/,
  ],
  [
    'another port of Redis',
    (of) => Object.assign(settings(of), { REDIS_PORT: '6380' }),
    /does not reach Redis on 6380/,
  ],
  [
    'another port of the mail',
    (of) => Object.assign(settings(of), { SMTP_PORT: '2525' }),
    /does not reach SMTP on 2525/,
  ],
  ['nobody let in', (of) => of('NetworkPolicy', 'auth-api').spec.ingress.splice(0), /nobody reaches PORT 3000/],
  ['Prometheus kept out', (of) => of('NetworkPolicy', 'auth-api').spec.ingress.pop(), /Prometheus does not reach/],
  [
    'metrics for everybody',
    (of) => of('NetworkPolicy', 'auth-api').spec.ingress.push({ ports: [{ port: 9464 }] }),
    /everybody reaches METRICS_PORT/,
  ],
];
