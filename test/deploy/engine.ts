import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { say } from '../run/report.ts';
import { shell } from './shell.ts';

const PLUGINS = '/usr/local/lib/docker/cli-plugins';

/** A Docker engine that answers, with compose v2 and buildx. Debian's packages, installed where they are missing. */
export async function ensureEngine(): Promise<void> {
  const client = await shell('command -v dockerd', { ok: false });
  if (client.status !== 0) await install(['docker.io']);
  if (!(await answers())) await startEngine();
  const { status } = await shell('docker compose version && docker buildx version', { ok: false });
  if (status !== 0) await addPlugins();
  await shell('docker compose version && docker buildx version');
}

export async function install(packages: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error(`Needs root, to install ${packages.join(', ')}.`);
  say(`    installing Debian’s packages: ${packages.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }; // at this level no package starts its service
  await shell(
    `apt-get -qq -o DPkg::Lock::Timeout=120 update && apt-get -yqq -o DPkg::Lock::Timeout=120 install --no-install-recommends ${packages.join(' ')}`,
    { env, seconds: 300 },
  );
}

async function answers(): Promise<boolean> {
  return (await shell('docker info', { ok: false, seconds: 20 })).status === 0;
}

async function startEngine(): Promise<void> {
  say('    starting the Docker engine');
  const log = openSync('/var/log/dockerd.log', 'a');
  spawn('dockerd', [], { stdio: ['ignore', log, log], detached: true }).unref();
  for (let tries = 0; tries < 60; tries++) {
    if (await answers()) return;
    await sleep(500);
  }
  const { stdout } = await shell('tail -n 15 /var/log/dockerd.log', { ok: false });
  throw new Error(`The Docker engine did not start within 30 s:\n${stdout}`);
}

/**
 * Debian 12 has no compose v2. Debian 13's two programs stand alone, so they are unpacked beside the engine, and nothing
 * else of that release is installed.
 */
async function addPlugins(): Promise<void> {
  say('    fetching compose and buildx from Debian 13');
  const source = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'].find((path) => existsSync(path));
  await shell(
    `work=$(mktemp -d); trap 'rm -rf "$work"' EXIT; chmod 755 "$work"; mkdir -p "$work"/{lists,cache/archives}/partial ${PLUGINS}
    here=$(. /etc/os-release && echo "$VERSION_CODENAME"); list="$work/list.\${SOURCE##*.}"
    sed -E "s/\\b$here\\b/trixie/g" "$SOURCE" > "$list"
    options=(-o Dir::Etc::sourcelist="$list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
    apt-get "\${options[@]}" -qq update; cd "$work"
    apt-get "\${options[@]}" -qq download docker-compose/trixie docker-buildx/trixie
    for package in *.deb; do dpkg -x "$package" unpacked; done
    cp unpacked/usr/libexec/docker/cli-plugins/* ${PLUGINS}/`,
    { env: { SOURCE: source ?? '' }, seconds: 180 },
  );
}
