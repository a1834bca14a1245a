/** Programs that no package of ours brings, and AWS on this machine. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../run/free-port.ts';
import type { RowContext } from '../row.ts';

/** Why a row cannot run: it is listed as NOT RUN, and never counts as passed. */
export const without =
  (...programs: readonly string[]) =>
  (): string | null => {
    const missing = programs.filter((name) => !has(name));
    return missing.length === 0 ? null : `${missing.join(' and ')} not installed`;
  };

export function has(program: string): boolean {
  try {
    execFileSync('bash', ['-c', 'command -v "$1"', 'bash', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export type Env = Readonly<Record<string, string>>;

/** moto, an emulator of AWS, empty; and what makes aws and Terraform speak to it and to nobody else. */
export async function startAws(t: RowContext): Promise<Env> {
  const port = await freePort();
  const log = createWriteStream(join(t.scratch, 'moto.log'));
  const child = spawn('moto_server', ['-H', '127.0.0.1', '-p', `${port}`], {
    env: { ...process.env, MOTO_IAM_LOAD_MANAGED_POLICIES: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child.stderr.pipe(log);
  child.stdout.resume();
  const ended = once(child, 'close');
  t.after(async () => {
    if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const isUp = await fetch(`${url}/moto-api/`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isUp) break;
    if (tries > 150 || child.exitCode !== null) throw new Error('moto_server does not answer within 30 s');
    await sleep(200);
  }
  // A task of moto stops by itself, step by step, with every question: here at once.
  await fetch(`${url}/moto-api/state-manager/set-transition`, {
    method: 'POST',
    body: JSON.stringify({ model_name: 'ecs::task', transition: { progression: 'immediate' } }),
  });
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST',
    AWS_SECRET_ACCESS_KEY: 'only-for-this-machine',
    AWS_REGION: 'eu-central-1',
    AWS_DEFAULT_REGION: 'eu-central-1',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '2',
    AWS_PAGER: '',
  };
}

/** `aws …`, its answer as text. */
export async function aws(t: RowContext, env: Env, command: string, stdin = ''): Promise<string> {
  return (await t.sh(`aws ${command}`, { env, stdin })).stdout.trim();
}

/** Where Terraform's provider for AWS lies: TF_PLUGIN_DIR, or one of the folders that Terraform itself looks in. */
export function pluginFolder(): string | null {
  const home = process.env.HOME ?? '/root';
  const folders = [
    process.env.TF_PLUGIN_DIR,
    'terraform.d/plugins',
    join(home, '.terraform.d/plugins'),
    join(process.env.XDG_DATA_HOME ?? join(home, '.local/share'), 'terraform/plugins'),
    '/usr/local/share/terraform/plugins',
    '/usr/share/terraform/plugins',
    ...(existsSync('/opt') ? readdirSync('/opt').map((name) => join('/opt', name)) : []),
  ];
  const hasProvider = (folder: string): boolean =>
    existsSync(folder) &&
    statSync(folder).isDirectory() &&
    readdirSync(folder).some((host) => existsSync(join(folder, host, 'hashicorp', 'aws')));
  return folders.find((folder) => folder !== undefined && hasProvider(folder)) ?? null;
}

export function withoutProvider(): string | null {
  const missing = without('terraform')();
  if (missing !== null) return missing;
  return pluginFolder() === null
    ? 'the provider hashicorp/aws is in no folder of plugins; TF_PLUGIN_DIR may name one'
    : null;
}
