// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import { filled, type Panel, readDashboard, readYaml } from '../../test/deploy/monitoring/files.ts';

const deploy = join(import.meta.dirname, '..');
const dashboard = readDashboard(deploy);
const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
const scratch = mkdtempSync(join(tmpdir(), 'auth-api-dashboard-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

// Inside the checkout, where the compiler finds the packages.
const cache = join(deploy, '../node_modules/.cache/auth-api');
mkdirSync(cache, { recursive: true });
const types = join(deploy, '../test/deploy/monitoring/grafana.ts');
const compiler = join(deploy, '../node_modules/typescript7/bin/tsc');
const OPTIONS =
  '--ignoreConfig --noEmit --pretty false --strict --skipLibCheck --target es2024 --module esnext --moduleResolution bundler --allowImportingTsExtensions'.split(
    ' ',
  );

/** Grafana's own names (packages/grafana-data, valueFormats); a wrong one is shown as text behind the number. */
const UNITS = ['short', 'percentunit', 'reqps', 'ops', 's', 'bytes'];

test('it is a dashboard that Grafana 12 and newer provision: itself, not the envelope of the HTTP API', () => {
  assert.equal('dashboard' in dashboard, false);
  assert.equal(dashboard.uid, 'auth-api');
  assert.ok(dashboard.schemaVersion >= 41);
  assert.equal('id' in dashboard, false, 'the number is the database’s');
  const types = new Set(dashboard.panels.map(({ type }) => type));
  assert.deepEqual([...types].sort(), ['row', 'stat', 'timeseries']); // graph and singlestat went with AngularJS
});

test('every panel has a number of its own, a place of its own, a unit, and says what it shows', () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [index, panel] of dashboard.panels.entries()) {
    const { x, y, w, h } = panel.gridPos;
    assert.ok(x >= 0 && y >= 0 && h > 0 && x + w <= 24, panel.title);
    for (const other of dashboard.panels.slice(index + 1))
      assert.ok(!overlap(panel, other), `${panel.title}, ${other.title}`);
  }
  for (const { title, description, fieldConfig } of panels) {
    assert.ok((description ?? '').length > 10, title);
    assert.ok(UNITS.includes(fieldConfig?.defaults.unit ?? ''), `${title}: ${fieldConfig?.defaults.unit}`);
  }
});

function overlap({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

test('the data source is chosen, and every variable that is used is declared', () => {
  const [source, instance] = dashboard.templating.list;
  assert.equal(source?.type, 'datasource');
  assert.equal(source?.query, 'prometheus');
  assert.equal(instance?.allValue, '.+', 'All is one pattern, not a list of thousands');
  for (const panel of panels) {
    for (const { datasource } of [panel, ...(panel.targets ?? [])]) {
      assert.equal(datasource?.type, 'prometheus', panel.title);
      assert.match(datasource?.uid ?? '', /^\$\{datasource\}$/, panel.title);
    }
    const letters = panel.targets?.map(({ refId }) => refId) ?? [];
    assert.equal(new Set(letters).size, letters.length, panel.title);
    assert.ok(letters.length > 0, panel.title);
  }
  const declared = [...dashboard.templating.list.map(({ name }) => name), '__rate_interval'];
  for (const { title, expr } of queries)
    for (const [, name] of expr.matchAll(/\$\{?(\w+)\}?/g)) assert.ok(declared.includes(name), `${title}: ${name}`);
});

test('quantiles keep the buckets apart, counters are rates, and shares are shares', () => {
  for (const { title, expr } of queries) {
    if (expr.includes('histogram_quantile')) assert.match(expr, /sum by \(le\b[^)]*\) \(\s*rate\(\w+_bucket\{/, title);
    for (const [counter] of expr.matchAll(/\b\w+_total\b(?=\{)/g))
      assert.match(expr, new RegExp(`(rate|increase)\\(${counter}\\{`), `${title}: ${counter} alone only ever grows`);
  }
  for (const title of ['Failed', 'Error rate'])
    for (const { expr } of queries.filter((query) => query.title === title))
      assert.match(expr, /^\(sum\(rate\(.*status=~"\d\.\.".*\) or vector\(0\)\) \/ sum\(rate\(/, title);
});

test('Grafana’s own types take it: no unknown key, no value that is none, at any depth', () => {
  const check = (text: string): string => {
    writeFileSync(
      join(cache, 'dashboard.ts'),
      `import type { Provisioned } from '${types}';\nexport default ${text.trim()} satisfies Provisioned;\n`,
    );
    const { stdout } = spawnSync(process.execPath, [compiler, ...OPTIONS, join(cache, 'dashboard.ts')], {
      encoding: 'utf8',
    });
    return stdout;
  };
  const text = readFileSync(join(deploy, 'dashboard.json'), 'utf8');
  assert.equal(check(text), '');
  for (const [right, wrong] of [
    ['"gridPos"', '"gridPosition"'],
    ['"thresholds"', '"thresholdz"'],
    ['"absolute"', '"absolut"'],
  ] as const)
    assert.match(check(text.replace(right, wrong)), /error TS2/, wrong);
});

test('Prometheus can parse every query', () => {
  const rules = queries.map(({ expr }, index) => ({ record: `query_${index}`, expr: filled(expr, '1m') }));
  writeFileSync(join(scratch, 'queries.yml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
  const { status, stderr } = spawnSync('promtool', ['check', 'rules', join(scratch, 'queries.yml')], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
});

test('Grafana is told where the dashboard lies and what it asks', () => {
  const { datasources } = readYaml(deploy, 'grafana/provisioning/datasources/prometheus.yml') as {
    datasources: Record<string, unknown>[];
  };
  const { providers } = readYaml(deploy, 'grafana/provisioning/dashboards/auth-api.yml') as {
    providers: { options: { path: string } }[];
  };
  const overlay = readYaml(deploy, 'docker-compose.monitoring.yml') as {
    services: { grafana: { volumes: string[] }; prometheus: unknown };
  };
  assert.equal(datasources[0]?.url, 'http://prometheus:9090');
  const mounted = overlay.services.grafana.volumes.find((volume) => volume.startsWith('./dashboard.json:'));
  assert.ok(mounted?.startsWith(`./dashboard.json:${providers[0]?.options.path}/`), mounted);
});
