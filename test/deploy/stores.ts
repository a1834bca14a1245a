import { spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Done, ShOptions } from './row.ts';
import { shell } from './shell.ts';

const PROJECT = `${process.env.DEPLOY_TEST_PROJECT ?? 'auth-api-test'}-stores`;

// The servers are asked directly, so they are published; mail stays with them, so that its links can be followed.
const OVERRIDE = `
services:
  app:
    environment: { NODE_ENV: development, EMAIL_SERVICE: inbox, LOG_FORMAT: json, RATE_LIMIT_LOGIN: 100000/60,
      RATE_LIMIT_MAX: "1000000", RATE_LIMIT_USER: 1000000/60 }
    ports: ["127.0.0.1::3000"]
    networks: !override [back]
networks:
  front: !override { internal: true }
  back: { internal: false }
`;

/** PostgreSQL, Redis and the servers of docker-compose.prod.yml, from a copy of deploy/ with secrets of its own. */
export interface Stores {
  readonly folder: string;
  compose(args: string, options?: ShOptions): Promise<Done>;
  /** Starts the services and waits until they are healthy. */
  up(services: string, files?: readonly string[]): Promise<void>;
  /** Runs SQL as a role: the superuser on the socket, every other over TLS with its password. Gives one line a row. */
  sql(role: Role, text: string, options?: ShOptions & { readonly at?: string }): Promise<string[]>;
  /** Commands as a user of Redis, one a line; what it answered, errors included. */
  redis(user: 'auth' | 'monitor', commands: string): Promise<string>;
  /** Where each server can be asked. */
  servers(): Promise<string[]>;
  log(service: string): Promise<string>;
}

type Role = 'postgres' | 'auth_owner' | 'auth_app' | 'auth_readonly' | 'auth_monitor';

let started: Promise<Stores> | undefined;

/** The stores with an empty database of the first start. The areas about them share one. */
export function ensureStores(root: string): Promise<Stores> {
  started ??= start(root);
  return started;
}

export async function removeStores(): Promise<void> {
  const running = await started?.catch(() => undefined);
  started = undefined;
  remove();
  if (running) rmSync(running.folder, { recursive: true, force: true });
}

/** Also when the run is interrupted: a container outlives the process that started it. */
function remove(): void {
  const label = `label=com.docker.compose.project=${PROJECT}`;
  const each = (list: string, act: string): string =>
    `for id in $(docker ${list} --filter ${label}); do docker ${act} "$id"; done`;
  const script = [each('ps -aq', 'rm -f -v'), each('network ls -q', 'network rm'), each('volume ls -q', 'volume rm')];
  spawnSync('bash', ['-c', script.join('; ')], { stdio: 'ignore', timeout: 60_000 });
}

async function start(root: string): Promise<Stores> {
  const folder = mkdtempSync(join(tmpdir(), 'auth-api-stores-'));
  process.once('exit', () => {
    if (started === undefined) return;
    remove();
    rmSync(folder, { recursive: true, force: true });
  });
  remove();
  cpSync(join(root, 'deploy'), folder, {
    recursive: true,
    filter: (path) => !/\/deploy\/(secrets|ssl|acme|backups|\.env|\.env\.production|nginx\/live)$/.test(path),
  });
  writeFileSync(join(folder, 'test.yml'), OVERRIDE);
  await shell('./prepare.sh && ./pgbouncer/prepare.sh', { cwd: folder });
  appendFileSync(join(folder, '.env.production'), '\nPUBLIC_URL=http://localhost:3000\n');
  const stores = storesIn(folder);
  await stores.up('postgres redis');
  return stores;
}

function storesIn(folder: string): Stores {
  let files: readonly string[] = [];
  const compose = (args: string, options?: ShOptions): Promise<Done> =>
    shell(`docker compose ${args}`, {
      cwd: folder,
      seconds: 170,
      ...options,
      env: {
        COMPOSE_PROJECT_NAME: PROJECT,
        COMPOSE_FILE: ['docker-compose.prod.yml', ...files, 'test.yml'].join(':'),
        ...options?.env,
      },
    });
  return {
    folder,
    compose,
    async up(services, more = []) {
      files = more;
      await compose(`up -d --no-build ${services}`);
      // Not `--wait`, which gives up at the first check that fails: a machine may be slow for a moment.
      await shell(
        `for id in $(docker ps -q --filter label=com.docker.compose.project=${PROJECT}); do
          until [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ]; do sleep 0.5; done
        done`,
        { seconds: 150 },
      );
    },
    async sql(role, text, { at = 'host=127.0.0.1 dbname=auth_db sslmode=require', ...options } = {}) {
      const secret = `/run/secrets/db_${role.replace('auth_', '')}_password`;
      const connect =
        role === 'postgres'
          ? 'psql -U postgres -d auth_db'
          : `bash -c 'PGPASSWORD=$(cat ${secret}) exec psql -d "user=${role} ${at}" "$@"' psql`;
      const { stdout } = await compose(`exec -T postgres ${connect} -X -q -At -v ON_ERROR_STOP=1 -v VERBOSITY=terse`, {
        stdin: text,
        ...options,
      });
      return stdout.split('\n').filter((line) => line !== '');
    },
    async redis(user, commands) {
      const secret = user === 'auth' ? 'redis_password' : 'redis_monitor_password';
      const { stdout } = await compose(
        `exec -T redis sh -c 'REDISCLI_AUTH=$(cat /run/secrets/${secret}) exec redis-cli --user ${user}'`,
        { stdin: `${commands}\n`, ok: false },
      );
      return stdout.trim();
    },
    async servers() {
      const { stdout } = await compose(`ps --format '{{.Publishers}}' app`);
      return [...stdout.matchAll(/127\.0\.0\.1 3000 (\d+)/g)].map(([, port]) => `http://127.0.0.1:${port}`);
    },
    log: async (service) => (await compose(`logs --no-color --no-log-prefix ${service}`)).stdout,
  };
}
