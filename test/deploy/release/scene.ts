import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LoadClient, type LoadResult, startLoad } from '../load.ts';
import { signedInClients } from '../load-session.ts';
import type { Done, RowContext, ShOptions } from '../row.ts';
import { type Stack, stack } from '../stack.ts';
import { buildVariants, removeVariants, tagOf, type VariantName } from './variant.ts';

const ACCOUNT = { email: 'release@example.com', password: 'Vorsicht-Stufe-17-am-Steg' };
const CONNECTIONS = 12;
const MARK = '# for the load of the release tests';

/** One account asks more than the limits allow one account. */
const LIMITS = `${MARK}
RATE_LIMIT_MAX=1000000
RATE_LIMIT_LOGIN=1000000/60
RATE_LIMIT_USER=1000000/60
`;

export interface Server {
  readonly id: string;
  readonly image: string;
}

/** The stack as the scripts of the kit find it: `.env` alone says which image runs. */
export interface Scene {
  readonly stack: Stack;
  /** `release/<command>` in the folder of the stack. */
  release(command: string, options?: ShOptions): Promise<Done>;
  compose(args: string, options?: ShOptions): Promise<Done>;
  servers(service?: 'app' | 'app-green'): Promise<Server[]>;
  /** The value in deploy/.env. */
  setting(name: string): string | undefined;
  poolState(): string;
  /** Which version answers: one look for each client. */
  versions(clients: number, headers?: Readonly<Record<string, string>>): Promise<string[]>;
  underLoad(act: () => Promise<unknown>): Promise<LoadResult>;
}

let clients: ((index: number) => LoadClient) | undefined;

/**
 * Makes the images, opens the limits, and signs the load in. Gives what people would see of a release that compose makes
 * alone: every server goes at once.
 */
export async function prepare(t: RowContext): Promise<LoadResult> {
  const { stack: it, compose, servers } = await scene(t);
  await buildVariants(t);
  appendFileSync(join(it.folder, '.env.production'), LIMITS);
  writeFileSync(join(it.folder, '.env'), `APP_IMAGE=${tagOf('one')}\n`);
  const load = startLoad({ url: it.url, insecure: true, rate: 40, patience: 30, atMost: 300 });
  t.after(() => load.stop());
  await compose('up -d --no-build', { seconds: 180 });
  const seen = await load.stop();
  const create = `users create --email=${ACCOUNT.email} --password-stdin`;
  await compose(`exec -T app node /app/server/bin/auth-api.mjs ${create}`, { stdin: ACCOUNT.password });
  const [first] = await servers();
  const { stdout } = await t.sh(
    `docker inspect -f '{{with index .NetworkSettings.Networks "${it.env.COMPOSE_PROJECT_NAME}_front"}}{{.IPAddress}}{{end}}' ${first?.id}`,
  );
  // nginx lets an address sign in five times a minute.
  clients = await signedInClients({ url: `http://${stdout.trim()}:3000` }, ACCOUNT, CONNECTIONS);
  return seen;
}

/** As it was before: for the areas that come after. */
export async function restore(t: RowContext): Promise<void> {
  const { stack: it } = await scene(t);
  const file = join(it.folder, '.env.production');
  writeFileSync(file, readFileSync(file, 'utf8').split(MARK)[0] ?? '');
  rmSync(join(it.folder, '.env'), { force: true });
  await it.compose('up -d --no-build');
  await removeVariants(t);
}

export async function scene(t: RowContext): Promise<Scene> {
  const it = await stack();
  const { APP_IMAGE: _, ...env } = it.env;
  const sh = (command: string, options?: ShOptions): Promise<Done> =>
    t.sh(command, { cwd: it.folder, env, seconds: 280, ...options });
  const servers = async (service = 'app'): Promise<Server[]> => {
    const filter = ['project', 'service'].map(
      (name, at) => `label=com.docker.compose.${name}=${[env.COMPOSE_PROJECT_NAME, service][at]}`,
    );
    const { stdout } = await sh(`docker ps -q --no-trunc ${filter.map((one) => `--filter ${one}`).join(' ')}`);
    const ids = stdout.split('\n').filter((id) => id !== '');
    const read = await Promise.all(ids.map((id) => sh(`docker inspect -f '{{.Config.Image}}' ${id}`)));
    return ids.map((id, at) => ({ id, image: read[at]?.stdout.trim() ?? '' }));
  };
  return {
    stack: it,
    release: (command, options) => sh(`release/${command}`, options),
    compose: (args, options) => sh(`docker compose -f docker-compose.prod.yml ${args}`, options),
    servers,
    setting(name) {
      const file = join(it.folder, '.env');
      if (!existsSync(file)) return undefined;
      return new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(file, 'utf8'))?.[1];
    },
    poolState: () => /^# state: (.*)$/m.exec(readFileSync(join(it.folder, 'nginx/live/pool.conf'), 'utf8'))?.[1] ?? '',
    versions: (count, headers = {}) => look(sh, it, count, headers),
    underLoad: (act) => underLoad(t, it, act),
  };
}

async function look(
  sh: (command: string, options: ShOptions) => Promise<Done>,
  it: Stack,
  count: number,
  headers: Readonly<Record<string, string>>,
): Promise<string[]> {
  const asked = Array.from({ length: count }, (_, client) =>
    [
      `url = "${it.url}/health"`,
      `cacert = "${it.ca}"`,
      `user-agent = "client-${client}"`,
      ...Object.entries(headers).map(([name, value]) => `header = "${name}: ${value}"`),
      'silent',
      'output = /dev/null',
      'write-out = "%header{x-test-version}\\n"',
    ].join('\n'),
  );
  const { stdout } = await sh('curl -K -', { stdin: asked.join('\nnext\n') });
  return stdout.trim().split('\n');
}

/** Acts while clients are at work. Each has a User-Agent of its own. */
async function underLoad(t: RowContext, it: Stack, act: () => Promise<unknown>): Promise<LoadResult> {
  const load = startLoad({
    url: it.url,
    insecure: true,
    client(index) {
      const next = (clients as NonNullable<typeof clients>)(index);
      return () => {
        const request = next();
        return { ...request, headers: { ...request.headers, 'user-agent': `client-${index}` } };
      };
    },
    connections: CONNECTIONS,
    rate: 60,
    requestsPerConnection: 40,
    patience: 30,
    atMost: 900,
    versionOf: ({ headers }) => String(headers['x-test-version'] ?? ''),
  });
  t.after(() => load.stop());
  await sleep(1000);
  await act();
  await sleep(1000);
  return load.stop();
}

export function failures({ failed }: LoadResult): number {
  return Object.values(failed).reduce((sum, one) => sum + one, 0);
}

/** Reports what clients saw, and takes not one failed request. */
export function requireNoneFailed(t: RowContext, what: string, result: LoadResult): void {
  const { sent, seconds, p50, p99, failed, firstFailures } = result;
  t.figure(what, `${failures(result)} of ${sent} failed in ${seconds} s (ms: p50 ${p50}, p99 ${p99})`);
  assert.deepEqual(failed, {}, firstFailures.join('\n'));
}

export function allOn(servers: readonly Server[], name: VariantName, count: number): void {
  assert.deepEqual(
    servers.map(({ image }) => image),
    Array.from({ length: count }, () => tagOf(name)),
  );
}

/** So that `.env` alone says which image runs. */
export function envOf({ APP_IMAGE: _, ...env }: Readonly<Record<string, string>>): Record<string, string> {
  return env;
}

export function other(name: string | undefined): VariantName {
  return name === tagOf('one') ? 'two' : 'one';
}
