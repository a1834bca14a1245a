import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort } from '../../run/free-port.ts';
import { type LocalServer, until } from '../local-server.ts';
import type { RowContext } from '../row.ts';
import type { Stores } from './stores.ts';

interface ScrapeConfig {
  job_name: string;
  scrape_interval?: string;
  scrape_timeout?: string;
  dns_sd_configs?: unknown;
  static_configs?: { targets: string[] }[];
  relabel_configs?: { replacement?: string }[];
}
interface PrometheusConfig {
  global: Record<string, unknown>;
  rule_files: string[];
  alerting: { alertmanagers: { static_configs: { targets: string[] }[] }[] };
  scrape_configs: ScrapeConfig[];
}

export interface Monitoring {
  /** One query as Grafana puts it: the series with their values. */
  query(expr: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>;
  targets(): Promise<{ labels: Record<string, string>; health: string; lastError: string }[]>;
  /** What Alertmanager has told whom. */
  readonly told: { path: string; alerts: string[] }[];
}

/** The real exporters, Prometheus and Alertmanager, with our files; only addresses and intervals are others. */
export async function startMonitoring(
  t: RowContext,
  { stores, servers, site }: { stores: Stores; servers: readonly LocalServer[]; site: number },
): Promise<Monitoring> {
  const exporters = await startExporters(t, stores);
  const told: Monitoring['told'] = [];
  const alertmanager = await startAlertmanager(t, told);
  const port = await freePort();
  const config = parse(readFileSync(join(t.deploy, 'prometheus.yml'), 'utf8')) as PrometheusConfig;
  const targets: Record<string, string[]> = {
    'auth-api': servers.map((server) => `127.0.0.1:${server.metricsPort}`),
    'auth-api-ready': servers.map((server) => `127.0.0.1:${server.port}`),
    'auth-api-site': [`https://127.0.0.1:${site}/health`],
    postgres: [`127.0.0.1:${exporters.postgres}`],
    redis: [`127.0.0.1:${exporters.redis}`],
    node: [`127.0.0.1:${exporters.node}`],
    prometheus: [`127.0.0.1:${port}`],
  };
  Object.assign(config.global, { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' });
  config.rule_files = config.rule_files.map((file) => join(t.deploy, file));
  config.alerting.alertmanagers = [{ static_configs: [{ targets: [`127.0.0.1:${alertmanager}`] }] }];
  for (const job of config.scrape_configs) {
    job.scrape_interval = '1s';
    job.scrape_timeout = '1s';
    delete job.dns_sd_configs;
    job.static_configs = [{ targets: targets[job.job_name] ?? [] }];
    for (const relabel of job.relabel_configs ?? [])
      if (relabel.replacement === 'blackbox-exporter:9115') relabel.replacement = `127.0.0.1:${exporters.blackbox}`;
  }
  writeFileSync(join(t.scratch, 'prometheus.yml'), stringify(config));
  startProgram(t, 'prometheus', [
    `--config.file=${t.scratch}/prometheus.yml`,
    `--storage.tsdb.path=${t.scratch}/tsdb`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const ask = async (path: string): Promise<never> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const body = (await answer.json()) as { data: never; error?: string };
    if (answer.status !== 200) throw new Error(`Prometheus refused ${decodeURIComponent(path)}: ${body.error}`);
    return body.data;
  };
  await until(async () => (await ask('query?query=1').catch(() => null)) !== null, 'Prometheus', 30);
  return {
    query: async (expr) => ((await ask(`query?query=${encodeURIComponent(expr)}`)) as { result: never }).result,
    targets: async () => ((await ask('targets?state=active')) as { activeTargets: never }).activeTargets,
    told,
  };
}

async function startExporters(
  t: RowContext,
  stores: Stores,
): Promise<Record<'postgres' | 'redis' | 'blackbox' | 'node', number>> {
  const [postgres = 0, redis = 0, blackbox = 0, node = 0] = await Promise.all(Array.from({ length: 4 }, freePort));
  startProgram(t, 'prometheus-postgres-exporter', [`--web.listen-address=127.0.0.1:${postgres}`], {
    DATA_SOURCE_URI: `127.0.0.1:${stores.postgres.port}/auth_db?sslmode=disable`,
    DATA_SOURCE_USER: 'auth_monitor',
    DATA_SOURCE_PASS_FILE: stores.postgres.monitorPasswordFile,
  });
  // As docker-compose.monitoring.yml writes it at start.
  const address = `redis://monitor@127.0.0.1:${stores.redis.port}`;
  writeFileSync(join(t.scratch, 'redis-passwords.json'), JSON.stringify({ [address]: stores.redis.monitorPassword }));
  startProgram(t, 'prometheus-redis-exporter', ['-web.listen-address', `127.0.0.1:${redis}`], {
    REDIS_ADDR: address,
    REDIS_USER: 'monitor',
    REDIS_PASSWORD_FILE: join(t.scratch, 'redis-passwords.json'),
  });
  startProgram(t, 'prometheus-blackbox-exporter', [
    `--config.file=${t.deploy}/prometheus/blackbox.yml`,
    `--web.listen-address=127.0.0.1:${blackbox}`,
  ]);
  const collectors = ['cpu', 'filesystem', 'loadavg', 'meminfo'].map((name) => `--collector.${name}`);
  startProgram(t, 'prometheus-node-exporter', [
    `--web.listen-address=127.0.0.1:${node}`,
    '--collector.disable-defaults',
    ...collectors,
  ]);
  return { postgres, redis, blackbox, node };
}

async function startAlertmanager(t: RowContext, told: Monitoring['told']): Promise<number> {
  const [port = 0, receiver = 0] = await Promise.all([freePort(), freePort()]);
  const webhook = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { alerts } = JSON.parse(text) as { alerts: { labels: { alertname: string } }[] };
    told.push({ path: request.url ?? '', alerts: alerts.map((alert) => alert.labels.alertname) });
    response.end();
  });
  webhook.listen(receiver, '127.0.0.1');
  t.after(() => webhook.close());
  const config = readFileSync(join(t.deploy, 'prometheus/alertmanager.yml'), 'utf8')
    .replaceAll('https://alerts.example.com', `http://127.0.0.1:${receiver}`)
    .replace('group_wait: 30s', 'group_wait: 1s');
  writeFileSync(join(t.scratch, 'alertmanager.yml'), config);
  startProgram(t, 'prometheus-alertmanager', [
    `--config.file=${t.scratch}/alertmanager.yml`,
    `--storage.path=${t.scratch}/alertmanager`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ]);
  return port;
}

export function startProgram(
  t: RowContext,
  program: string,
  words: readonly string[],
  env: Record<string, string> = {},
): void {
  mkdirSync(t.scratch, { recursive: true });
  const child = spawn(program, words, { env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' });
  child.once('error', () => undefined); // what does not start is a target that is down
  t.after(
    () =>
      new Promise<void>((done) => {
        if (child.exitCode !== null || child.pid === undefined) return done();
        child.once('exit', () => done());
        child.kill('SIGKILL');
      }),
  );
}
