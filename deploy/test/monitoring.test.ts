// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { createMetrics } from '../../server/src/platform/metrics.ts';
import { filled, type Rule, readDashboard, readRules, readYaml } from '../../test/deploy/monitoring/files.ts';
import { measured, selectors } from '../../test/deploy/monitoring/promql.ts';

const deploy = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'auth-api-monitoring-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const rules = readRules(deploy);
const alerts = rules.filter((rule): rule is Rule & { alert: string } => rule.alert !== undefined);

const promtool = (...words: string[]): { status: number | null; text: string } => {
  const { status, stdout, stderr } = spawnSync('promtool', words, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
};

interface Config {
  scrape_configs: Record<string, unknown>[];
}

test('promtool accepts the configurations for compose, for hosts and for Kubernetes', () => {
  for (const file of ['prometheus.yml', 'prometheus/hosts.yml']) {
    const { status, text } = promtool('check', 'config', join(deploy, file));
    assert.equal(status, 0, text);
  }
  // Debian's promtool is built without Kubernetes: its discovery is looked at here, the rest by promtool.
  const config = readYaml(deploy, 'prometheus/kubernetes.yml') as Config;
  const [, namespace] = /^ {2}name: (\S+)$/m.exec(readFileSync(join(deploy, 'k8s/namespace.yaml'), 'utf8')) ?? [];
  const ports = readFileSync(join(deploy, 'k8s/deployment.yaml'), 'utf8');
  for (const port of ['http', 'metrics']) {
    assert.match(ports, new RegExp(`- name: ${port}\\n\\s+containerPort:`), port);
    assert.match(JSON.stringify(config), new RegExp(`"regex":"${port}"`), port);
  }
  for (const job of config.scrape_configs) {
    for (const discovery of (job.kubernetes_sd_configs as Record<string, unknown>[] | undefined) ?? [])
      assert.deepEqual(discovery, { role: 'pod', namespaces: { names: [namespace] } });
    delete job.kubernetes_sd_configs;
  }
  cpSync(join(deploy, 'prometheus/alerts.yml'), join(scratch, 'alerts.yml'));
  writeFileSync(join(scratch, 'kubernetes.yml'), stringify(config));
  const { status, text } = promtool('check', 'config', join(scratch, 'kubernetes.yml'));
  assert.equal(status, 0, text);
});

test('the same jobs are watched everywhere, and only jobs that exist are asked for', () => {
  const jobsOf = (file: string): unknown[] =>
    (readYaml(deploy, file) as Config).scrape_configs.map((job) => job.job_name);
  const jobs = jobsOf('prometheus.yml');
  for (const file of ['prometheus/hosts.yml', 'prometheus/kubernetes.yml'])
    for (const job of jobsOf(file)) assert.ok(jobs.includes(job), `${file}: ${job}`);
  const dashboard = readDashboard(deploy).panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  for (const expr of [...rules.map((rule) => rule.expr), ...dashboard])
    for (const [, operator, job] of expr.matchAll(/\bjob(=|!=)"([^"]*)"/g))
      assert.ok(jobs.includes(job), `${operator}${job} in ${expr}`);
});

test('each alert fires and keeps silent as its unit tests say', () => {
  const { status, text } = promtool('test', 'rules', join(deploy, 'prometheus/alerts.test.yml'));
  assert.equal(status, 0, text);
});

interface RuleTests {
  tests: { name: string; alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
}

test('each alert has a case that fires and one that does not, and they fail where its comparison is turned round', () => {
  const unit = readYaml(deploy, 'prometheus/alerts.test.yml') as RuleTests;
  for (const { alert } of alerts) {
    const own = unit.tests.filter(({ alert_rule_test }) => alert_rule_test.some((one) => one.alertname === alert));
    const fires = own.flatMap(({ alert_rule_test }) => alert_rule_test.map((one) => one.exp_alerts.length > 0));
    assert.ok(fires.includes(true) && fires.includes(false), `${alert}: ${fires}`);
    const { status, text } = mutated(alert, own);
    assert.equal(status, 1, `${alert} turned round passes its tests: ${text}`);
    assert.match(text, /FAILED/);
  }
});

/** The alert's own tests against rules in which its comparisons are the other way round. */
function mutated(alert: string, tests: unknown): { status: number | null; text: string } {
  const file = readYaml(deploy, 'prometheus/alerts.yml') as { groups: { rules: Rule[] }[] };
  const groups = file.groups.map((group) => ({
    ...group,
    rules: group.rules
      .filter((rule) => rule.record !== undefined || rule.alert === alert)
      .map((rule) => (rule.alert === alert ? { ...rule, expr: turnedRound(rule.expr) } : rule)),
  }));
  writeFileSync(join(scratch, 'mutant.yml'), stringify({ groups: groups.filter((group) => group.rules.length > 0) }));
  writeFileSync(
    join(scratch, 'mutant.test.yml'),
    stringify({ rule_files: ['mutant.yml'], evaluation_interval: '1m', tests }),
  );
  return promtool('test', 'rules', join(scratch, 'mutant.test.yml'));
}

const turnedRound = (expr: string): string =>
  expr.replaceAll(/ (<|>|==) /g, (_, sign: string) => (sign === '<' ? ' > ' : ' < '));

/** What the server really writes, with every series that it can have, and the labels of each. */
async function ownMetrics(): Promise<Map<string, Set<string>>> {
  const metrics = createMetrics({ version: '1' });
  metrics.request('GET', '/health', 200, 0.1);
  metrics.login('success');
  metrics.refresh('success');
  metrics.rateLimited('login');
  metrics.passwords.done(0.1, 0);
  metrics.mailSettled('verify-email', 'sent');
  metrics.cacheHit();
  metrics.addSources({
    db: () => ({ total: 1, idle: 1, waiting: 0 }),
    hashPool: () => ({ running: 0, queued: 0 }),
    mailPending: () => 0,
    auditUnsealed: () => 0,
    cacheStatus: () => 'ok',
    feedLagSeconds: () => 0,
    restoreProvenAt: async () => 1,
  });
  const known = new Map<string, Set<string>>();
  for (const line of (await metrics.text()).split('\n')) {
    const declared = /^# TYPE (\S+) (\S+)/.exec(line);
    if (declared?.[2] === 'histogram')
      for (const part of ['bucket', 'sum', 'count']) known.set(`${declared[1]}_${part}`, new Set(['le']));
    const [, name = '', labels = ''] = /^([a-z_][\w:]*)(?:\{(.*)\})? /i.exec(line) ?? [];
    if (name === '') continue;
    const seen = known.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) seen.add(label);
    known.set(name, seen);
  }
  return known;
}

/** What Prometheus and the exporters bring; `npm run test:deploy monitoring` asks the real ones for each. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertstate'],
  probe_success: [],
  probe_ssl_earliest_cert_expiry: [],
  pg_up: [],
  pg_stat_activity_count: ['datname', 'state'],
  pg_settings_max_connections: [],
  pg_stat_database_xact_commit: ['datname'],
  pg_stat_database_xact_rollback: ['datname'],
  pg_database_size_bytes: ['datname'],
  redis_memory_used_bytes: [],
  redis_memory_max_bytes: [],
  node_filesystem_avail_bytes: ['fstype', 'mountpoint', 'device'],
  node_filesystem_size_bytes: ['fstype', 'mountpoint', 'device'],
};

test('every metric and every label that is asked for exists', async () => {
  const known = await ownMetrics();
  for (const [name, labels] of Object.entries(OTHERS)) known.set(name, new Set(labels));
  for (const { record } of rules) if (record !== undefined) known.set(record, new Set());
  const dashboard = readDashboard(deploy);
  const queries = [
    ...rules.map((rule) => rule.expr),
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map((target) => target.expr)),
    ...dashboard.annotations.list.map((annotation) => annotation.expr),
  ];
  for (const query of queries) {
    const asked = selectors(filled(query, '1m'));
    assert.ok(asked.length > 0, query);
    for (const { metric, labels } of asked) {
      assert.ok(known.has(metric), `${metric} does not exist: ${query}`);
      const own = known.get(metric) ?? new Set();
      // A grouping stands for the whole expression: it is enough where one of its series has the label.
      const anywhere = new Set(asked.flatMap((one) => [...(known.get(one.metric) ?? [])]));
      for (const label of labels)
        assert.ok(['job', 'instance'].includes(label) || own.has(label) || anywhere.has(label), `${label}: ${query}`);
    }
  }
});

test('each alert says how grave it is, what is the matter, and where it is written what to do', () => {
  const handbook = readFileSync(join(deploy, '../docs/runbooks/alerts.md'), 'utf8');
  const headings = [...handbook.matchAll(/^## (\w+)$/gm)].map(([, name = '']) => name);
  assert.deepEqual([...headings].sort(), alerts.map(({ alert }) => alert).sort(), 'one page each, and none too many');
  for (const { alert, labels, annotations, expr } of alerts) {
    assert.match(labels?.severity ?? '', /^(page|ticket)$/, alert);
    assert.ok((annotations?.summary ?? '').length > 20, alert);
    assert.equal(annotations?.runbook_url, `docs/runbooks/alerts.md#${alert.toLowerCase()}`);
    assert.ok(
      measured(expr).every((side) => side.length > 0 && !/^[\d.]+$/.test(side)),
      `${alert}: ${expr}`,
    );
    const page = handbook.slice(handbook.indexOf(`## ${alert}\n`)).split('\n## ')[0] ?? '';
    for (const part of ['**Means.**', '**Look.**', '**Do.**']) assert.ok(page.includes(part), `${alert}: ${part}`);
  }
});

test('the services that are asked stand in the compose files, on the ports that the servers really have', () => {
  const files = ['docker-compose.prod.yml', 'docker-compose.monitoring.yml'].map((file) =>
    parse(readFileSync(join(deploy, file), 'utf8'), { merge: true }),
  ) as { services: Record<string, { image?: string; ports?: string[]; environment?: Record<string, string> }> }[];
  const [stack, overlay] = files.map(({ services }) => services);
  const config = readFileSync(join(deploy, 'prometheus.yml'), 'utf8');
  const asked = [...config.matchAll(/(?:'|https?:\/\/|replacement: )([a-z][a-z-]*):\d+/g)].map(([, name = '']) => name);
  for (const name of new Set([...asked, 'app', 'app-green']))
    assert.ok(name === 'localhost' || { ...stack, ...overlay }[name], `there is no service ${name}`);
  const { METRICS_PORT, PORT } = stack?.app?.environment ?? {};
  assert.match(config, new RegExp(`names: \\[app, app-green\\]\\n\\s+type: A\\n\\s+port: ${METRICS_PORT}\\n`));
  assert.match(config, new RegExp(`names: \\[app, app-green\\]\\n\\s+type: A\\n\\s+port: ${PORT}\\n`));
  for (const [name, { image, ports = [] }] of Object.entries(overlay ?? {})) {
    if (name.startsWith('app')) continue;
    assert.match(image ?? '', /^\$\{[A-Z_]+:-[\w./-]+:v?\d+\.\d+\.\d+(-alpine)?\}$/, `${name}: an exact tag`);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, `${name} is for this machine only`);
  }
});
