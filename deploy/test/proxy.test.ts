// engines: none
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { table } from '../../server/src/config/table.ts';

const deploy = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(deploy, path), 'utf8');

interface Service {
  readonly image?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly cap_drop?: readonly string[];
  readonly user?: string;
  readonly stop_grace_period?: string;
  readonly volumes?: readonly string[];
  readonly deploy?: { readonly resources?: { readonly limits?: { readonly cpus?: string; readonly memory?: string } } };
}
interface Stack {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

const stack = parse(read('docker-compose.prod.yml'), { merge: true }) as Stack;
const development = parse(read('compose.yaml')) as Stack;
// `!reset` is compose's own; here it means: left out.
const overlay = parse(read('docker-compose.apache.yml').replace('!reset null', 'null')) as Stack;
const nginx = read('nginx/nginx.conf');
const apache = read('apache/auth-api.conf');
const settings = table as Readonly<Record<string, { readonly isSecret?: boolean }>>;

/** `NAME_FILE` is the form of a secret `NAME` in a file. */
const isSetting = (name: string): boolean =>
  name in settings || (name.endsWith('_FILE') && settings[name.slice(0, -5)]?.isSecret === true);

const servers = [
  ...['app', 'app-green', 'migrate'].map((name) => [name, stack.services[name]] as const),
  ['development', development.services.app] as const,
];

test('the composed servers are given settings that exist, and secrets as files only', () => {
  for (const [name, service] of servers) {
    const environment = service?.environment ?? {};
    assert.ok(Object.keys(environment).length > 5, name);
    assert.deepEqual(
      Object.keys(environment).filter((setting) => !isSetting(setting)),
      [],
      `${name}: no such setting`,
    );
    if (name === 'development') continue;
    for (const [setting, value] of Object.entries(environment)) {
      assert.ok(!settings[setting]?.isSecret, `${name}: ${setting} is a secret in the open`);
      if (!setting.endsWith('_FILE')) continue;
      assert.ok(service?.secrets?.includes(value.replace('/run/secrets/', '')), `${name}: ${setting} is not mounted`);
    }
  }
});

test('the example of .env.production has settings that exist, and no secret', () => {
  const names = [...read('.env.production.example').matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map(([, name]) => name ?? '');
  assert.ok(names.length > 5);
  for (const name of names) {
    assert.ok(isSetting(name), name);
    assert.ok(!settings[name]?.isSecret, name);
    assert.ok(!(name in (stack.services.app?.environment ?? {})), `${name} is said twice`);
  }
});

test('every secret of the stack is used, and made by prepare.sh or make-secrets.sh', () => {
  const makers = read('make-secrets.sh') + read('prepare.sh');
  const used = new Set(Object.values(stack.services).flatMap(({ secrets }) => secrets ?? []));
  assert.deepEqual([...used].sort(), Object.keys(stack.secrets).sort());
  for (const [name, { file }] of Object.entries(stack.secrets)) {
    const base = file.replace('./secrets/', '').replace(/\.txt$/, '');
    assert.match(makers, new RegExp(`(^|[\\s(/])${base.replace('.', '\\.')}([\\s)]|$)`, 'm'), `nobody makes ${name}`);
  }
});

test('Docker waits longer than a server takes to end, and a proxy’s idle connection ends before a server’s', () => {
  for (const name of ['app', 'app-green']) {
    const { environment = {}, stop_grace_period: patience = '10s' } = stack.services[name] ?? {};
    const seconds = (text: string): number => Number(/^(\d+)s$/.exec(text)?.[1]);
    const [grace, delay] = [seconds(environment.SHUTDOWN_GRACE ?? ''), seconds(environment.SHUTDOWN_DELAY ?? '')];
    assert.ok(seconds(patience) > grace && grace > delay, name);
  }
  // A server keeps an idle connection for 75 s, until it ends.
  const idle = /keepalive_timeout (\d+)s/.exec(read('nginx/pool.default.conf'))?.[1];
  assert.ok(Number(idle) < 75);
  for (const [, ttl] of apache.matchAll(/ ttl=(\d+)/g)) assert.ok(Number(ttl) < 75);
});

test('only the proxy has ports; every service is read-only, without capabilities, no root, and limited', () => {
  for (const [name, service] of Object.entries({ ...stack.services, apache: overlay.services.apache })) {
    assert.equal(service?.ports !== undefined, name === 'nginx' || name === 'apache', name);
    assert.equal(service?.read_only, true, name);
    assert.deepEqual(service?.cap_drop, ['ALL'], name);
    // Backups belong to whoever runs the stack: what writes and reads them is root in its container, without a capability.
    if (!['backup', 'restore'].includes(name)) assert.match(service?.user ?? '', /^[1-9]\d*:[1-9]\d*$/, name);
    // What runs once and ends needs none of its own.
    if (service?.restart !== 'no') assert.ok(service?.deploy?.resources?.limits?.memory, name);
    assert.doesNotMatch(service?.image ?? '', /latest/, name);
  }
  assert.equal(stack.networks.back?.internal, true);
  for (const service of Object.values(development.services))
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/);
});

test('what is mounted from this folder is there, or made by prepare.sh', () => {
  const prepared = read('prepare.sh');
  const all = [...Object.values(stack.services), overlay.services.apache].flatMap((service) => service?.volumes ?? []);
  for (const volume of all) {
    const path = /^\.\/([^:]+):/.exec(volume)?.[1];
    if (path) assert.ok(existsSync(join(deploy, path)) || prepared.includes(path), path);
  }
});

test('nginx and Apache agree with each other and with the server', () => {
  const limit = Number(
    /BODY_LIMIT = (\d+) \* 1024/.exec(readFileSync(join(deploy, '../server/src/platform/http/server.ts'), 'utf8'))?.[1],
  );
  assert.match(nginx, new RegExp(`client_max_body_size ${limit}k;`));
  assert.ok(apache.includes(`-gt ${limit * 1024} `));
  const ciphers = (text: string): string => /(?:ssl_ciphers|SSLCipherSuite) (\S+?);?$/m.exec(text)?.[1] ?? '';
  assert.equal(ciphers(apache), ciphers(nginx));
  for (const cipher of ciphers(nginx).split(':')) assert.match(cipher, /^ECDHE-.*(GCM|CHACHA20)/);
  const paths = stack.services.app?.environment?.API_PREFIX ?? '/api/v1';
  for (const text of [nginx, apache])
    assert.ok(text.includes(`${paths}/auth/`) && text.includes(`${paths}/admin/imports`));
  const codes = readFileSync(join(deploy, '../docs/reference/errors.md'), 'utf8');
  const used = [...nginx.matchAll(/"([a-z_]+):[A-Z]/g), ...apache.matchAll(/Use AuthApiProblem \d+ ([a-z_]+)/g)];
  assert.ok(used.length > 12);
  for (const [, code] of used) assert.ok(codes.includes(`| \`${code}\` |`), code);
});

test('a location of nginx that adds a header would lose all the others: none does; a POST is never repeated', () => {
  const locations = nginx.slice(nginx.indexOf('location = /health'));
  assert.doesNotMatch(locations, /add_header|expires/);
  assert.doesNotMatch(nginx, /proxy_next_upstream[^;]*non_idempotent/);
  assert.doesNotMatch(nginx, /proxy_add_x_forwarded_for/);
});
