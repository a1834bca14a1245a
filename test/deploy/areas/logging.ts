import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../local-server.ts';
import { type Filebeat, read } from '../logging/filebeat.ts';
import { parsePipeline } from '../logging/parse.ts';
import { filter, get } from '../logging/run.ts';
import { readYaml } from '../monitoring/files.ts';
import type { Area, RowContext } from '../row.ts';
import { stack } from '../stack.ts';

export const logging: Area = {
  name: 'logging',
  title: 'Log collection',
  needs: ['stack'],
  rows: [
    {
      name: 'what Docker has written of the running servers becomes events by filebeat.yml and logstash.conf (emulated)',
      run: collect,
    },
  ],
};

/** The files that Filebeat would read, with whatever Docker has put around the lines. */
async function collect(t: RowContext): Promise<void> {
  const { url, ca, compose } = await stack();
  // Not the health check: as long as all is well, it is not logged.
  await t.sh(`curl -fsS --cacert ${ca} -o /dev/null ${url}/api/v1/openapi.json`);
  const ids = (await compose('ps -q app')).stdout.trim().split('\n');
  const paths = (await t.sh(`docker inspect -f '{{.LogPath}}' ${ids.join(' ')}`)).stdout.trim().split('\n');
  const written = (): string[] => paths.flatMap((path) => readFileSync(path, 'utf8').trimEnd().split('\n'));
  await until(() => written().some((line) => line.includes('/api/v1/openapi.json')), 'the line of that request', 10);
  const lines = written();
  const filebeat = readYaml(t.deploy, 'filebeat.yml') as Filebeat;
  const pipeline = parsePipeline(readFileSync(join(t.deploy, 'logstash.conf'), 'utf8'));
  const events = lines.map((line) => read(filebeat, 'auth-api-containers', line));
  const kept = events.filter((event) => event !== null);
  assert.equal(kept.length, lines.length, 'every line of the servers is one of theirs');
  for (const event of kept) {
    filter(pipeline.filter, event);
    assert.equal(event.tags, undefined, JSON.stringify(event));
    assert.match(String(event['@timestamp']), /^\d{4}-\d\d-\d\dT.*Z$/);
    assert.equal(typeof event.message, 'string');
    assert.equal(get(event, ['service', 'name']), 'auth-api');
  }
  const requests = kept.filter((event) => event.message === 'request');
  assert.ok(requests.length > 0, 'requests are among them');
  const other = (await compose('ps -q postgres')).stdout.trim();
  const path = (await t.sh(`docker inspect -f '{{.LogPath}}' ${other}`)).stdout.trim();
  const left = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.deepEqual(
    left.map((line) => read(filebeat, 'auth-api-containers', line)).filter((event) => event !== null),
    [],
    'nothing of PostgreSQL is',
  );
  t.figure('lines', kept.length);
}
