// engines: none
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { type Filebeat, read } from '../../test/deploy/logging/filebeat.ts';
import { type Collected, collectLines } from '../../test/deploy/logging/lines.ts';
import { type Plugin, parsePipeline } from '../../test/deploy/logging/parse.ts';
import { type Event, filter, get } from '../../test/deploy/logging/run.ts';

const deploy = join(import.meta.dirname, '..');
const filebeat = parse(readFileSync(join(deploy, 'filebeat.yml'), 'utf8')) as Filebeat;
const pipeline = parsePipeline(readFileSync(join(deploy, 'logstash.conf'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'auth-api-logging-'));
const ends: (() => unknown)[] = [];
let collected: Collected;

before(async () => {
  execFileSync(join(deploy, 'tls/self-signed.sh'), ['--out', join(scratch, 'ssl')], { stdio: 'ignore' });
  const tls = { key: join(scratch, 'ssl/private.key'), cert: join(scratch, 'ssl/certificate.crt') };
  collected = await collectLines({ root: join(deploy, '..'), scratch, after: (end) => void ends.push(end) }, tls);
});
after(async () => {
  for (const end of ends.reverse()) await end();
  rmSync(scratch, { recursive: true, force: true });
});

/** What arrives in Elasticsearch of one line of LOG_FILE. */
function arrived(line: string, input = 'auth-api-files'): Event {
  const event = read(filebeat, input, line);
  assert.ok(event !== null, `dropped: ${line}`);
  filter(pipeline.filter, event);
  return event;
}

const dockerLine = (log: string, attrs?: Record<string, string>): string =>
  JSON.stringify({
    log: `${log}\n`,
    stream: 'stdout',
    ...(attrs && { attrs }),
    time: '2026-01-02T03:04:05.678901234Z',
  });

test('there are lines of every level and of every kind', () => {
  const lines = collected.lines.map((line) => JSON.parse(line) as Record<string, string>);
  const levels = new Set(lines.map(({ level }) => level));
  for (const level of ['info', 'warn', 'error', 'fatal']) assert.ok(levels.has(level), level);
  for (const message of ['serving', 'schema migrated', 'request', 'audit checkpoint', 'stopped'])
    assert.ok(
      lines.some((line) => line.message === message),
      message,
    );
});

test('each line gets its own time, level, message and service, and what it says about a request', () => {
  for (const line of collected.lines) {
    const said = JSON.parse(line) as Record<string, unknown>;
    const event = arrived(line);
    assert.equal(event['@timestamp'], said.timestamp);
    assert.equal(event.message, said.message);
    assert.equal(get(event, ['log', 'level']), said.level);
    assert.equal(get(event, ['service', 'name']), 'auth-api');
    assert.equal(get(event, ['process', 'pid']), said.pid);
    assert.equal(event.tags, undefined, line);
    for (const gone of ['timestamp', 'message', 'level', 'service', 'pid', 'status', 'method'])
      assert.equal(get(event, ['auth_api', gone]), undefined, `${gone} stands there twice: ${line}`);
    if (said.status === undefined) continue;
    assert.equal(get(event, ['http', 'response', 'status_code']), said.status);
    assert.equal(get(event, ['http', 'request', 'id']), said.request_id);
    assert.equal(get(event, ['http', 'request', 'method']), said.method);
    assert.equal(get(event, ['client', 'ip']), said.address);
    assert.equal(get(event, ['auth_api', 'route']), said.route);
    assert.equal(get(event, ['auth_api', 'duration_ms']), said.duration_ms);
    assert.equal(get(event, ['event', 'outcome']), Number(said.status) >= 500 ? 'failure' : 'success');
  }
  const people = collected.lines.map((line) => get(arrived(line), ['user', 'id'])).filter(Boolean);
  assert.ok(people.length > 0, 'who was signed in is told');
});

test('an error keeps its type, its words, its code and where it came from', () => {
  const events = collected.lines.filter((line) => line.includes('"err":')).map((line) => arrived(line));
  assert.ok(events.length > 0);
  for (const event of events) {
    assert.equal(typeof get(event, ['error', 'type']), 'string');
    assert.equal(typeof get(event, ['error', 'message']), 'string');
    assert.equal(get(event, ['auth_api', 'err', 'message']), undefined);
  }
  assert.ok(events.some((event) => String(get(event, ['error', 'stack_trace'])).includes('at ')));
});

test('the same line gives the same through Docker and through LOG_FILE', () => {
  for (const line of collected.lines) {
    const { stream, ...throughDocker } = arrived(dockerLine(line), 'auth-api-containers');
    assert.equal(stream, 'stdout');
    assert.deepEqual(throughDocker, arrived(line));
  }
  const folder = join(scratch, 'logs');
  const file = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  for (const line of file.join('').trim().split('\n')) assert.ok(collected.lines.includes(line), line);
});

test('other containers are left out, a crash of the runtime is not', () => {
  const through = (log: string, attrs?: Record<string, string>): Event | null =>
    read(filebeat, 'auth-api-containers', dockerLine(log, attrs));
  assert.equal(through('LOG:  database system is ready to accept connections'), null);
  assert.equal(through('{"service":"another","message":"x"}'), null);
  const crash = 'FATAL ERROR: Reached heap limit Allocation failed';
  const event = through(crash, { tag: 'auth-api' });
  assert.ok(event !== null);
  filter(pipeline.filter, event);
  assert.equal(event.message, crash);
  assert.deepEqual(event.tags, ['not_auth_api_json']);
  assert.equal(get(event, ['service', 'name']), 'auth-api');
  const { services } = parse(readFileSync(join(deploy, 'docker-compose.monitoring.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { logging: { options: { tag?: string } } }>;
  };
  for (const name of ['app', 'app-green']) assert.equal(services[name]?.logging.options.tag, 'auth-api');
});

test('a line that is cut off is told apart and not lost', () => {
  const event = arrived('{"level":"info","timest');
  assert.equal(event.message, '{"level":"info","timest');
  assert.equal(get(event, ['auth_api', 'error', 'type']), 'json');
  assert.deepEqual(event.tags, ['not_auth_api_json']);
});

test('no secret arrives', () => {
  const all = collected.lines.map((line) => JSON.stringify(arrived(line))).join('\n');
  for (const secret of collected.secrets) {
    assert.ok(secret.length > 8);
    assert.ok(!all.includes(secret), 'a password, a token or a key stands in the log');
  }
});

test('no line says one thing twice: Elasticsearch refuses an object with a key that comes again', () => {
  for (const line of collected.lines) {
    const keys = topLevelKeys(line);
    assert.equal(new Set(keys).size, keys.length, line);
  }
});

/** JSON.parse takes the last of several silently. */
function topLevelKeys(line: string): string[] {
  const found: string[] = [];
  let depth = 0;
  for (const [token] of line.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (/^[{[]/.test(token)) depth++;
    else if (/^[}\]]/.test(token)) depth--;
    else if (depth === 1 && token.endsWith(':')) found.push(token);
  }
  return found;
}

/** Filebeat 9's own reference: of its inputs, parsers, processors and outputs what is used here. */
const DOCUMENTED = new Set(
  `filebeat.inputs.type filebeat.inputs.id filebeat.inputs.paths filebeat.inputs.file_identity.native
  filebeat.inputs.prospector.scanner.fingerprint.enabled filebeat.inputs.parsers.container.stream
  filebeat.inputs.parsers.container.format filebeat.inputs.parsers.ndjson.target filebeat.inputs.parsers.ndjson.add_error_key
  filebeat.inputs.parsers.ndjson.ignore_decoding_error filebeat.inputs.processors.drop_event.when.not.or.equals.auth_api.service
  filebeat.inputs.processors.drop_event.when.not.or.equals.docker.attrs.tag processors.add_fields.target
  processors.add_fields.fields.type processors.add_fields.fields.dataset processors.add_fields.fields.namespace
  processors.add_host_metadata.netinfo.enabled queue.mem.events queue.mem.flush.min_events queue.mem.flush.timeout
  output.logstash.hosts output.logstash.ssl.enabled output.logstash.ssl.verification_mode
  output.logstash.ssl.supported_protocols output.logstash.ssl.certificate_authorities output.logstash.ssl.certificate
  output.logstash.ssl.key output.logstash.ssl.key_passphrase logging.level logging.to_stderr`.split(/\s+/),
);

test('filebeat.yml uses options that are documented, and inputs with a name of their own', () => {
  const keys = (value: unknown, path: string): string[] => {
    if (Array.isArray(value)) return value.flatMap((one) => keys(one, path));
    if (typeof value !== 'object' || value === null) return [path];
    return Object.entries(value).flatMap(([key, inner]) => keys(inner, path === '' ? key : `${path}.${key}`));
  };
  for (const key of keys(filebeat, '')) assert.ok(DOCUMENTED.has(key), key);
  const inputs = filebeat['filebeat.inputs'];
  assert.ok(
    inputs.every(({ type }) => type === 'filestream'),
    'log and container inputs are gone in Filebeat 9',
  );
  assert.equal(new Set(inputs.map(({ id }) => id)).size, inputs.length);
});

test('both ends speak TLS and prove who they are, and no password stands in a file', () => {
  const [beats] = pipeline.input as [Plugin];
  const [elasticsearch] = pipeline.output as [Plugin];
  assert.equal(beats.options.ssl_enabled, true);
  assert.equal(beats.options.ssl_client_authentication, 'required');
  assert.equal(elasticsearch.options.ssl_verification_mode, 'full');
  assert.match(String(elasticsearch.options.api_key), /^\$\{[A-Z_]+\}$/);
  assert.equal(elasticsearch.options.data_stream, 'true');
  assert.equal('index' in elasticsearch.options, false, 'a data stream rolls over by itself');
  const { data_stream } = arrived(collected.lines[0] ?? '') as { data_stream: Record<string, string> };
  for (const part of ['type', 'dataset', 'namespace'])
    assert.equal(data_stream[part], elasticsearch.options[`data_stream_${part}`]);
});
