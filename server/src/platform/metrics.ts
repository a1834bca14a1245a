import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { requestRecorder } from './metrics/requests.ts';
import { type MetricSources, registerSources } from './metrics/sources.ts';

export { type MetricsServer, serveMetrics } from './metrics/server.ts';
export type { MetricSources } from './metrics/sources.ts';

/**
 * What this process counts. Every app has its own registry, so that two in one process (tests) keep apart; figures of
 * the process itself are collected once. No label ever comes from a request as it stands: each takes one of few values,
 * or a stranger could fill the memory. The functions need no `this` and can be handed on one by one.
 */
export interface Metrics {
  /** `route` is the pattern (`/users/:id`); undefined where none matched. */
  request(method: string, route: string | undefined, status: number, seconds: number): void;
  login(outcome: string): void;
  refresh(outcome: string): void;
  /** A security event was recorded: every kind of it is a line of the audit log and a figure here. */
  audited(action: string, outcome: string): void;
  rateLimited(policy: string): void;
  /** From the commit of a revocation until this process knew of it. */
  revocationLatency(seconds: number): void;
  passwords: {
    done(seconds: number, waited: number): void;
    rejected(): void;
    breachCheck(outcome: 'clear' | 'breached' | 'failed'): void;
    unusableHash(): void;
  };
  mailSettled(template: string, outcome: 'sent' | 'retried' | 'failed'): void;
  mailDelay(seconds: number): void;
  auditChainBroken(): void;
  flagEvaluated(flag: string, variant: string): void;
  cacheHit(): void;
  cacheMiss(): void;
  /** Figures whose owners are made after the metrics. */
  addSources(sources: MetricSources): void;
  /** The text that Prometheus reads. */
  text(): Promise<string>;
  contentType: string;
}

const LOOP_EVERY_MS = 50;
const LATENCY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createMetrics({ version, ...sources }: { version: string } & MetricSources): Metrics {
  const registry = new Registry();
  const known: MetricSources = { ...sources };
  registerSources(registry, known);
  processRegistry();
  new Gauge({
    name: 'auth_api_info',
    help: 'Always 1; says which version runs.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.version }, 1);
  return {
    request: requestRecorder(registry, LATENCY),
    ...accountMetrics(registry),
    passwords: passwordMetrics(registry),
    ...backgroundMetrics(registry),
    flagEvaluated: flagRecorder(registry),
    addSources: (more) => void Object.assign(known, more),
    text: async () => `${await registry.metrics()}\n${await processRegistry().metrics()}`,
    contentType: registry.contentType,
  };
}

let shared: Registry | undefined;

/** Event loop, heap, garbage collection, file descriptors: their observers cannot be taken down, so there is one set. */
function processRegistry(): Registry {
  if (shared === undefined) {
    shared = new Registry();
    // The delay of the event loop is told with this interval in it; each look wakes a process that has nothing to do.
    collectDefaultMetrics({ register: shared, eventLoopMonitoringPrecision: LOOP_EVERY_MS });
  }
  return shared;
}

function accountMetrics(registry: Registry) {
  const logins = counter(registry, 'logins_total', 'Sign-ins by outcome.', 'outcome');
  const refreshes = counter(registry, 'refreshes_total', 'Refreshes of tokens by outcome.', 'outcome');
  const events = new Counter({
    name: 'audit_events_total',
    help: 'Security events recorded, by the names of the audit log.',
    labelNames: ['action', 'outcome'],
    registers: [registry],
  });
  const limited = counter(registry, 'rate_limited_total', 'Requests refused by a limit.', 'policy');
  const latency = histogram(
    registry,
    'revocation_latency_seconds',
    'From the commit of a revocation until this process knew it.',
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5],
  );
  return {
    login: (outcome: string) => logins.inc({ outcome }),
    refresh: (outcome: string) => refreshes.inc({ outcome }),
    audited: (action: string, outcome: string) => events.inc({ action, outcome }),
    rateLimited: (policy: string) => limited.inc({ policy }),
    revocationLatency: (seconds: number) => latency.observe(Math.max(0, seconds)),
  };
}

function passwordMetrics(registry: Registry): Metrics['passwords'] {
  const duration = histogram(registry, 'hash_duration_seconds', 'Time that one password hash took.', LATENCY);
  const wait = histogram(registry, 'hash_wait_seconds', 'Time that a password hash waited for its turn.', LATENCY);
  const rejected = counter(registry, 'hash_rejected_total', 'Password hashes refused because the queue was full.');
  const breach = counter(registry, 'breach_checks_total', 'Range checks of new passwords by outcome.', 'outcome');
  const unusable = counter(registry, 'unusable_hashes_total', 'Stored hashes that could not be read.');
  return {
    done(seconds, waited) {
      duration.observe(seconds);
      wait.observe(waited);
    },
    rejected: () => rejected.inc(),
    breachCheck: (outcome) => breach.inc({ outcome }),
    unusableHash: () => unusable.inc(),
  };
}

function backgroundMetrics(registry: Registry) {
  const mails = new Counter({
    name: 'mails_total',
    help: 'Mails by outcome.',
    labelNames: ['template', 'outcome'],
    registers: [registry],
  });
  const delay = histogram(
    registry,
    'mail_delay_seconds',
    'How long sent mails had waited.',
    [0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400],
  );
  const broken = counter(registry, 'audit_chain_broken_total', 'Checks that found the audit chain broken.');
  const cache = counter(registry, 'cache_requests_total', 'Readings of the cache.', 'result');
  const hit = cache.labels('hit');
  const miss = cache.labels('miss');
  return {
    mailSettled: (template: string, outcome: string) => mails.inc({ template, outcome }),
    mailDelay: (seconds: number) => delay.observe(Math.max(0, seconds)),
    auditChainBroken: () => broken.inc(),
    cacheHit: () => hit.inc(),
    cacheMiss: () => miss.inc(),
  };
}

const FLAGS_TOLD_APART = 200;

/** A process that sees many flags come and go counts the later ones together. */
function flagRecorder(registry: Registry): Metrics['flagEvaluated'] {
  const evaluations = new Counter({
    name: 'flag_evaluations_total',
    help: 'Answers of feature flags.',
    labelNames: ['flag', 'variant'],
    registers: [registry],
  });
  const seen = new Set<string>();
  return (flag, variant) => {
    if (seen.size < FLAGS_TOLD_APART) seen.add(flag);
    evaluations.inc({ flag: seen.has(flag) ? flag : 'other', variant });
  };
}

function counter(registry: Registry, name: string, help: string, label?: string): Counter {
  return new Counter({ name, help, labelNames: label === undefined ? [] : [label], registers: [registry] });
}

function histogram(registry: Registry, name: string, help: string, buckets: number[]): Histogram {
  return new Histogram({ name, help, buckets, registers: [registry] });
}
