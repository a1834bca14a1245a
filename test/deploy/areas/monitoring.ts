import assert from 'node:assert/strict';
import { freePort } from '../../run/free-port.ts';
import { installation, startServer, until } from '../local-server.ts';
import { filled, readDashboard, readRules } from '../monitoring/files.ts';
import { type Monitoring, startMonitoring, startProgram } from '../monitoring/programs.ts';
import { measured } from '../monitoring/promql.ts';
import { startStores } from '../monitoring/stores.ts';
import { makeTraffic, overload, startMailServer, startSite } from '../monitoring/traffic.ts';
import type { Area, RowContext } from '../row.ts';
import { stack } from '../stack.ts';

const APT = ['prometheus', 'prometheus-alertmanager'];
const EXPORTERS = ['postgres', 'redis', 'blackbox', 'node'].map((name) => `prometheus-${name}-exporter`);

export const monitoring: Area = {
  name: 'monitoring',
  title: 'Prometheus and Grafana',
  needs: [
    'stack',
    'images:postgres',
    'images:redis',
    'apt:openssl',
    ...[...APT, ...EXPORTERS].map((name) => `apt:${name}` as const),
  ],
  rows: [
    {
      name: 'a real Prometheus reads two servers and all exporters; every query of every panel and alert has data; an alert reaches its receiver',
      timeout: 240,
      run: observe,
    },
    { name: 'the overlay fits the stack, and its probe reaches the site through nginx', run: probeSite },
  ],
};

async function observe(t: RowContext): Promise<void> {
  const stores = await startStores(t);
  const settings = installation({
    DATABASE_URL: stores.postgres.url,
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: `${stores.redis.port}`,
    REDIS_USERNAME: 'auth',
    REDIS_PASSWORD: stores.redis.password,
    EMAIL_SERVICE: 'smtp',
    SMTP_HOST: '127.0.0.1',
    SMTP_PORT: `${await startMailServer(t)}`,
    SMTP_REQUIRE_TLS: 'false',
    TRUSTED_PROXIES: '127.0.0.1',
    HASH_CONCURRENCY: '1',
    HASH_QUEUE: '2',
  });
  const one = await startServer(t, 'one', settings);
  const two = await startServer(t, 'two', { ...settings, MIGRATE_ON_START: 'false' });
  await stores.sql(`INSERT INTO auth.restore_proofs (id, at, backup, backup_as_of, backup_sha256, ok, checks)
    VALUES ('00000000-0000-7000-8000-000000000001', now(), 'test', now(), '', true, '[]')`);
  const site = await startSite(t, one);
  const prometheus = await startMonitoring(t, { stores, servers: [one, two], site });
  await until(async () => (await prometheus.query('up == 1')).length >= 8, 'the first scrapes', 40).catch(
    () => undefined,
  );
  await makeTraffic([one, two]);
  await allTargetsUp(t, prometheus);
  await panelsHaveData(t, prometheus);
  assert.ok((await overload(two)) > 0, 'too much at once is refused with 503');
  await alertsHaveData(t, prometheus);
  await alertArrives(t, prometheus);
}

async function allTargetsUp(t: RowContext, prometheus: Monitoring): Promise<void> {
  const targets = await prometheus.targets();
  const down = targets.filter(({ health }) => health !== 'up');
  assert.deepEqual(down, [], 'every target is read');
  assert.equal(targets.length, 9);
  const probes = await prometheus.query('probe_success');
  assert.deepEqual([...new Set(probes.map(({ value }) => value[1]))], ['1'], 'every probe succeeds');
  t.figure('targets', targets.length);
}

async function panelsHaveData(t: RowContext, prometheus: Monitoring): Promise<void> {
  const dashboard = readDashboard(t.deploy);
  const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
  const empty = await withoutData(prometheus, queries);
  assert.deepEqual(empty, []);
  // A restart is rare: that query need only be understood.
  for (const { expr } of dashboard.annotations.list) await prometheus.query(filled(expr, '20s'));
  const [failed] = await prometheus.query(filled(exprOf(queries, 'Failed'), '20s'));
  assert.equal(Number(failed?.value[1]), 0, 'without a failed request the ratio is 0, not nothing');
  t.figure('panel queries', queries.length);
}

const exprOf = (queries: readonly { title: string; expr: string }[], title: string): string =>
  queries.find((query) => query.title === title)?.expr ?? '';

async function alertsHaveData(t: RowContext, prometheus: Monitoring): Promise<void> {
  const rules = readRules(t.deploy);
  const queries = rules.flatMap(({ alert, record, expr }) =>
    (record ? [expr] : measured(expr))
      .filter((side) => !side.startsWith('absent('))
      .map((side) => ({ title: alert ?? record ?? '', expr: side })),
  );
  assert.deepEqual(await withoutData(prometheus, queries), []);
  t.figure('alert queries', queries.length);
}

/** Twice, with time between: a new series needs a second reading before it has a rate. */
async function withoutData(
  prometheus: Monitoring,
  queries: readonly { title: string; expr: string }[],
): Promise<string[]> {
  let empty: string[] = [];
  const look = async (): Promise<boolean> => {
    empty = [];
    for (const { title, expr } of queries) {
      const series = await prometheus.query(filled(expr, '30s'));
      if (!series.some(({ value }) => Number.isFinite(Number(value[1])))) empty.push(`${title}: ${expr}`);
    }
    return empty.length === 0;
  };
  await until(look, 'data', 15).catch(() => undefined);
  return empty;
}

/** Mails that were refused for good: an alert that waits for nothing, so that it can be seen to fire here. */
async function alertArrives(t: RowContext, prometheus: Monitoring): Promise<void> {
  const name = 'AuthApiMailsGivenUp';
  const firing = async (): Promise<string[]> =>
    (await prometheus.query('ALERTS{alertstate="firing"}')).map(({ metric }) => metric.alertname ?? '');
  await until(async () => (await firing()).includes(name), `${name} fires`, 20);
  assert.deepEqual(await firing(), [name], 'and nothing else does');
  const isTold = (): boolean => prometheus.told.some(({ path, alerts }) => path === '/ticket' && alerts.includes(name));
  await until(isTold, `${name} reaches the receiver of tickets`, 20);
  assert.ok(!prometheus.told.some(({ path }) => path === '/page'));
  t.figure('fired', name);
}

async function probeSite(t: RowContext): Promise<void> {
  const { httpsPort, compose } = await stack();
  await compose('-f docker-compose.monitoring.yml --profile green config -q');
  const port = await freePort();
  const words = [`--config.file=${t.deploy}/prometheus/blackbox.yml`, `--web.listen-address=127.0.0.1:${port}`];
  startProgram(t, 'prometheus-blackbox-exporter', words);
  const probe = async (hostname: string): Promise<string> => {
    const target = encodeURIComponent(`https://127.0.0.1:${httpsPort}/health`);
    const asked = `http://127.0.0.1:${port}/probe?module=site&hostname=${hostname}&target=${target}`;
    return (await fetch(asked).catch(() => null))?.text() ?? '';
  };
  await until(async () => (await probe('localhost')).includes('\nprobe_success 1'), 'the site', 20);
  const expiry = Number(/^probe_ssl_earliest_cert_expiry (\S+)$/m.exec(await probe('localhost'))?.[1]);
  assert.ok(expiry * 1000 > Date.now(), `it ends at ${expiry}`);
  assert.ok((await probe('elsewhere.example')).includes('\nprobe_success 0'), 'another name is not served');
}
