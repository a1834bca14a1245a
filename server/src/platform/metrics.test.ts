import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { createMetrics, serveMetrics } from './metrics.ts';

const lineOf = (text: string, start: string) => text.split('\n').filter((line) => line.startsWith(start));

test("a request is counted and timed under the names that the guide's Prometheus and Grafana use", async () => {
  const metrics = createMetrics({ version: '1.2.3' });
  metrics.request('POST', '/api/v1/auth/login', 200, 0.03);
  metrics.request('POST', '/api/v1/auth/login', 200, 0.2);
  const text = await metrics.text();
  assert.deepEqual(lineOf(text, 'http_requests_total'), [
    'http_requests_total{method="POST",route="/api/v1/auth/login",status="200"} 2',
  ]);
  assert.match(
    text,
    /http_request_duration_seconds_bucket\{le="0.05",method="POST",route="\/api\/v1\/auth\/login",status="200"\} 1/,
  );
  assert.match(text, /auth_api_info\{version="1\.2\.3",node="v[\d.]+"\} 1/);
});

test('strangers cannot invent labels: unknown routes and methods share one', async () => {
  const metrics = createMetrics({ version: '1' });
  for (let n = 0; n < 50; n++) metrics.request(`X${n}`, undefined, 404, 0.001);
  assert.deepEqual(lineOf(await metrics.text(), 'http_requests_total'), [
    'http_requests_total{method="OTHER",route="unmatched",status="404"} 50',
  ]);
});

test('two apps in one process count apart, and both show the figures of the process', async () => {
  const [one, two] = [createMetrics({ version: '1' }), createMetrics({ version: '1' })];
  one.login('success');
  assert.deepEqual(lineOf(await one.text(), 'logins_total'), ['logins_total{outcome="success"} 1']);
  const text = await two.text();
  assert.deepEqual(lineOf(text, 'logins_total'), []);
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'nodejs_heap_size_used_bytes',
    'process_cpu_seconds_total',
    'nodejs_gc_duration_seconds_count',
  ]) {
    assert.ok(name.startsWith('nodejs_gc') || lineOf(text, name).length > 0, name);
  }
});

test('every event of the house has its series', async () => {
  const metrics = createMetrics({ version: '1' });
  metrics.refresh('reused');
  metrics.rateLimited('login');
  metrics.revocationLatency(0.02);
  metrics.passwords.done(0.04, 0.01);
  metrics.passwords.rejected();
  metrics.passwords.breachCheck('failed');
  metrics.passwords.unusableHash();
  metrics.mailSettled('verify', 'sent');
  metrics.mailDelay(1.5);
  metrics.auditChainBroken();
  metrics.cacheHit();
  metrics.cacheMiss();
  const text = await metrics.text();
  for (const line of [
    'refreshes_total{outcome="reused"} 1',
    'rate_limited_total{policy="login"} 1',
    'revocation_latency_seconds_count 1',
    'hash_duration_seconds_count 1',
    'hash_wait_seconds_count 1',
    'hash_rejected_total 1',
    'breach_checks_total{outcome="failed"} 1',
    'unusable_hashes_total 1',
    'mails_total{template="verify",outcome="sent"} 1',
    'mail_delay_seconds_count 1',
    'audit_chain_broken_total 1',
    'cache_requests_total{result="hit"} 1',
    'cache_requests_total{result="miss"} 1',
  ])
    assert.ok(text.includes(`${line}\n`), line);
});

test('gauges ask their sources when read; one that fails or hangs takes nothing else with it', async () => {
  const metrics = createMetrics({ version: '1', db: () => ({ total: 5, idle: 2, waiting: 1 }) });
  metrics.addSources({
    hashPool: () => ({ running: 2, queued: 7 }),
    mailPending: async () => {
      throw new Error('database is down');
    },
    auditUnsealed: () => new Promise<number>(() => undefined),
    cacheStatus: () => 'degraded',
    feedLagSeconds: () => 0.25,
    logLinesDropped: () => 9,
  });
  const text = await metrics.text();
  for (const line of [
    'db_pool_connections{state="total"} 5',
    'db_pool_connections{state="waiting"} 1',
    'hash_pool_tasks{state="queued"} 7',
    'cache_degraded 1',
    'changes_feed_lag_seconds 0.25',
    'log_lines_dropped 9',
  ])
    assert.ok(text.includes(`${line}\n`), line);
  assert.deepEqual([...lineOf(text, 'mail_outbox_pending'), ...lineOf(text, 'audit_unsealed')], []);
});

test('the metrics server answers GET /metrics and nothing else, and closes under an open connection', async () => {
  const metrics = createMetrics({ version: '1' });
  const server = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
  after(() => server.close());
  const base = `http://127.0.0.1:${server.port}`;
  const good = await fetch(`${base}/metrics`);
  assert.equal(good.status, 200);
  assert.match(good.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await good.text(), /auth_api_info/);
  const statuses = [];
  for (const [path, method] of [
    ['/', 'GET'],
    ['/metrics/x', 'GET'],
    ['//metrics', 'GET'],
    ['/metrics', 'POST'],
    ['/metrics', 'DELETE'],
  ] as const) {
    const answer = await fetch(base + path, { method });
    statuses.push(answer.status);
    await answer.text();
  }
  assert.deepEqual(statuses, [404, 404, 404, 405, 405]);
  const idle = connect(server.port, '127.0.0.1');
  after(() => idle.destroy());
  await new Promise((resolve) => idle.once('connect', resolve));
  await server.close();
});

test('a taken port is an error of the start, not a silent absence', async () => {
  const metrics = createMetrics({ version: '1' });
  const first = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 });
  after(() => first.close());
  await assert.rejects(serveMetrics(metrics, { host: '127.0.0.1', port: first.port }), { code: 'EADDRINUSE' });
});
