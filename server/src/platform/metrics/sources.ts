import { Gauge, type Registry } from 'prom-client';

/** Figures that are asked for when somebody reads the metrics, instead of being kept up to date all the time. */
export interface MetricSources {
  db?(): { total: number; idle: number; waiting: number };
  hashPool?(): { running: number; queued: number };
  /** Mails that wait to be sent. */
  mailPending?(): number | Promise<number>;
  /** Audit lines that the chain does not hold yet. */
  auditUnsealed?(): number | Promise<number>;
  cacheStatus?(): 'ok' | 'degraded';
  /** How old this process's knowledge of changes is. */
  feedLagSeconds?(): number;
  logLinesDropped?(): number;
  /** When a restore of a backup was last proven, in seconds since the epoch; 0 for never. */
  restoreProvenAt?(): Promise<number>;
}

type Values = number | Record<string, number>;

const SLOWEST_SOURCE_MS = 500;

/** name, help, the label (where there is one), and where the value comes from. */
const gauges: readonly [
  name: string,
  help: string,
  label: string | null,
  read: (s: MetricSources) => Values | Promise<Values> | undefined,
][] = [
  [
    'db_pool_connections',
    'Database connections by state; waiting counts requests for one.',
    'state',
    (s) => s.db && { ...s.db() },
  ],
  ['hash_pool_tasks', 'Password hashes that run and that wait.', 'state', (s) => s.hashPool && pick(s.hashPool())],
  ['mail_outbox_pending', 'Mails that wait to be sent.', null, (s) => s.mailPending?.()],
  ['audit_unsealed_lines', 'Audit lines that are not in the hash chain yet.', null, (s) => s.auditUnsealed?.()],
  [
    'cache_degraded',
    '1 while the cache does not answer.',
    null,
    (s) => s.cacheStatus && Number(s.cacheStatus() === 'degraded'),
  ],
  [
    'changes_feed_lag_seconds',
    'Time since this process last confirmed that it knows every change.',
    null,
    (s) => s.feedLagSeconds?.(),
  ],
  [
    'log_lines_dropped',
    'Log lines dropped since the start because their destination was blocked or full.',
    null,
    (s) => s.logLinesDropped?.(),
  ],
  [
    'auth_restore_proven_timestamp_seconds',
    'When a restore of a backup was last proven; 0 for never.',
    null,
    (s) => s.restoreProvenAt?.(),
  ],
];

function pick({ running, queued }: { running: number; queued: number }): Values {
  return { running, queued };
}

/** A source that fails or is slow (the database is down) leaves its own gauge empty and no other. */
export function registerSources(registry: Registry, sources: MetricSources): void {
  for (const [name, help, label, read] of gauges) {
    new Gauge({
      name,
      help,
      labelNames: label === null ? [] : [label],
      registers: [registry],
      async collect() {
        this.reset();
        const values = await inTime(() => read(sources));
        if (values === undefined) return label === null ? this.remove() : undefined;
        if (typeof values === 'number') return this.set(values);
        if (label !== null) for (const [key, value] of Object.entries(values)) this.set({ [label]: key }, value);
      },
    });
  }
}

async function inTime<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), SLOWEST_SOURCE_MS);
  });
  try {
    return await Promise.race([read(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}
