import { all, idOf, type Kit, selects, type Told } from './kit.ts';
import type { Manifest } from './manifest.ts';

interface Port {
  readonly port?: number;
  readonly protocol?: string;
}

/** Who must be able to speak to whom, and does. */
export function networkFaults(kit: Kit, told: readonly Told[]): string[] {
  const faults: string[] = [];
  const policies = all(kit, 'NetworkPolicy');
  const closed = policies.some(
    ({ spec }) =>
      Object.keys(spec.podSelector).length === 0 &&
      ['Ingress', 'Egress'].every((one) => spec.policyTypes.includes(one)),
  );
  if (!closed) faults.push('no NetworkPolicy closes the namespace');
  for (const { workload, config } of told) {
    const own = policies.filter(
      ({ spec }) =>
        spec.podSelector.matchLabels && selects(spec.podSelector.matchLabels, workload.spec.template.metadata.labels),
    );
    const must = (holds: boolean, text: string): void => {
      if (!holds) faults.push(`${idOf(workload)}: by the network policies ${text}`);
    };
    const out = (port: number, protocol = 'TCP'): boolean => own.some(({ spec }) => opens(spec.egress, port, protocol));
    must(out(53, 'UDP') && out(53), 'it cannot ask for names');
    if (config.database.kind === 'postgres')
      must(out(config.database.connection.port), `it does not reach PostgreSQL on ${config.database.connection.port}`);
    if (workload.kind === 'Job') {
      must(!own.some(({ spec }) => (spec.ingress ?? []).length > 0), 'somebody may speak to the migration');
      continue;
    }
    if (config.redis) must(out(config.redis.port), `it does not reach Redis on ${config.redis.port}`);
    if (config.mail.kind === 'smtp') must(out(config.mail.port), `it does not reach SMTP on ${config.mail.port}`);
    must(out(443), 'it does not reach HTTPS');
    must(
      own.some(({ spec }) => opens(spec.ingress, config.PORT)),
      `nobody reaches PORT ${config.PORT}`,
    );
    must(
      own.some((policy) => admits(policy, 'monitoring', config.METRICS_PORT)),
      'Prometheus does not reach METRICS_PORT',
    );
    must(!own.some(({ spec }) => opensToAll(spec.ingress, config.METRICS_PORT)), 'everybody reaches METRICS_PORT');
  }
  return faults;
}

function opens(rules: { ports?: Port[] }[] = [], port: number, protocol = 'TCP'): boolean {
  return rules.some(({ ports }) => hasPort(ports, port, protocol));
}

function hasPort(ports: Port[] | undefined, port: number, protocol = 'TCP'): boolean {
  return ports === undefined || ports.some((one) => one.port === port && (one.protocol ?? 'TCP') === protocol);
}

function admits({ spec }: Manifest, namespace: string, port: number): boolean {
  return (spec.ingress ?? []).some(
    ({ from = [], ports }: { from?: object[]; ports?: Port[] }) =>
      hasPort(ports, port) && JSON.stringify(from).includes(JSON.stringify(namespace)),
  );
}

function opensToAll(rules: { from?: object[]; ports?: Port[] }[] = [], port: number): boolean {
  return rules.some(({ from = [], ports }) => from.length === 0 && hasPort(ports, port));
}
