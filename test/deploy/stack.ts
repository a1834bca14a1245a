import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort } from '../run/free-port.ts';
import { copyCheckout } from './checkout.ts';
import { ensureImage } from './images.ts';
import { startMailServer } from './mail.ts';
import type { Done, ShOptions } from './row.ts';
import { shell } from './shell.ts';

export const APP_IMAGE = 'auth-api:local';
// Two runs on one machine need names and networks of their own.
const PROJECT = process.env.DEPLOY_TEST_PROJECT ?? 'auth-api-test';
const NET = `172.${process.env.DEPLOY_TEST_NET ?? '29.77'}`;

/** The compose stack of docker-compose.prod.yml, in a copy of deploy/ with secrets of its own. */
export interface Stack {
  readonly folder: string;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** `https://localhost:port`, as a person reaches it; its certificate is signed by `ca`. */
  readonly url: string;
  readonly ca: string;
  /** For scripts of the kit: they find the project and its ports in the environment. */
  readonly env: Readonly<Record<string, string>>;
  /** `docker compose -f docker-compose.prod.yml <args>` in the folder. */
  compose(args: string, options?: ShOptions): Promise<Done>;
}

let built: Promise<void> | undefined;
let started: Promise<Stack> | undefined;
let mail: Awaited<ReturnType<typeof startMailServer>> | undefined;

/** Builds the image from the checkout, once a run; what did not change comes from the builder's cache. */
export function appImage(root: string): Promise<void> {
  built ??= ensureImage('node').then(async () => {
    await shell(`docker build -q -t ${APP_IMAGE} .`, { cwd: root, seconds: 400 });
  });
  return built;
}

export function ensureStack(root: string): Promise<Stack> {
  started ??= start(root);
  return started;
}

/** The stack that is running. An area that says `needs: ['stack']` has it. */
export function stack(): Promise<Stack> {
  if (started === undefined) throw new Error("the area does not say needs: ['stack']");
  return started;
}

export async function removeStack(): Promise<void> {
  const running = await started?.catch(() => undefined);
  if (started === undefined) return;
  await shell(
    `for id in $(docker ps -aq --filter label=com.docker.compose.project=${PROJECT}); do docker rm -f -v "$id" >/dev/null; done
    for id in $(docker network ls -q --filter label=com.docker.compose.project=${PROJECT}); do docker network rm "$id" >/dev/null; done
    for id in $(docker volume ls -q --filter label=com.docker.compose.project=${PROJECT}); do docker volume rm "$id" >/dev/null; done`,
    { seconds: 120, ok: false },
  );
  if (running) rmSync(dirname(running.folder), { recursive: true, force: true });
  await mail?.close();
  started = undefined;
}

async function start(root: string): Promise<Stack> {
  await Promise.all([appImage(root), ensureImage('postgres'), ensureImage('redis'), ensureImage('nginx')]);
  const copy = mkdtempSync(join(tmpdir(), 'auth-api-stack-'));
  const folder = join(copy, 'deploy');
  await copyCheckout(root, copy);
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  const env = {
    COMPOSE_PROJECT_NAME: PROJECT,
    BIND_ADDRESS: '127.0.0.1',
    HTTP_PORT: `${httpPort}`,
    HTTPS_PORT: `${httpsPort}`,
    APP_IMAGE,
    FRONT_SUBNET: `${NET}.0/24`,
    FRONT_RANGE: `${NET}.128/25`,
    FRONT_GATEWAY: `${NET}.1`,
    PROXY_ADDRESS: `${NET}.2`,
  };
  const made: Stack = {
    folder,
    httpPort,
    httpsPort,
    url: `https://localhost:${httpsPort}`,
    ca: join(folder, 'ssl/ca.crt'),
    env,
    compose: (args, options) =>
      shell(`docker compose -f docker-compose.prod.yml ${args}`, { cwd: folder, env, seconds: 180, ...options }),
  };
  await shell('./prepare.sh', { cwd: folder, env });
  const settings = join(folder, '.env.production');
  mail = await startMailServer();
  const lines = [
    `PUBLIC_URL=https://localhost:${httpsPort}`,
    `SMTP_HOST=${NET}.1`,
    `SMTP_PORT=${mail.port}`,
    'SMTP_REQUIRE_TLS=false',
  ];
  writeFileSync(settings, `${readFileSync(settings, 'utf8')}\n${lines.join('\n')}\n`);
  await made.compose('up -d --no-build');
  await made.compose('exec -T app node /app/server/bin/auth-api.mjs health --ready');
  return made;
}
