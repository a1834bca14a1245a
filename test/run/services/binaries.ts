import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Needs } from '../jobs.ts';
import { say } from '../report.ts';

export interface Binaries {
  /** The folder with initdb and postgres. */
  readonly postgres?: string;
  readonly redis?: string;
  readonly chromium?: string;
}

const PACKAGES = {
  postgres: 'postgresql',
  redis: 'redis-server',
  chromium: 'chromium',
  curl: 'curl',
  openssl: 'openssl',
  shellcheck: 'shellcheck',
  promtool: 'prometheus',
} as const;
type Name = keyof typeof PACKAGES;

const find: Record<Name, () => string | undefined> = {
  postgres: () => process.env.TEST_PG_BIN ?? debianPostgres() ?? folderOnPath('initdb'),
  redis: () => process.env.TEST_REDIS_SERVER ?? onPath('redis-server') ?? onPath('valkey-server'),
  chromium: () =>
    process.env.TEST_CHROMIUM ??
    onPath('chromium') ??
    onPath('chromium-browser') ??
    onPath('google-chrome') ??
    macChrome(),
  curl: () => onPath('curl'),
  openssl: () => onPath('openssl'),
  shellcheck: () => onPath('shellcheck'),
  promtool: () => onPath('promtool'),
};

/** Finds what is needed, installs Debian's packages where root may, and otherwise says exactly what to install. */
export function findBinaries(needs: Needs): Binaries {
  const wanted: Name[] = ['curl', 'openssl']; // the README’s tour, and certificates
  if (needs.programs || (needs.servers && !process.env.TEST_DATABASE_URL)) wanted.push('postgres');
  if (needs.programs || (needs.servers && !process.env.TEST_REDIS_URL)) wanted.push('redis');
  if (needs.chromium) wanted.push('chromium');
  if (needs.tools) wanted.push('shellcheck', 'promtool');
  const missing = wanted.filter((name) => find[name]() === undefined);
  if (missing.length > 0) installPackages(missing.map((name) => PACKAGES[name]));
  const still = missing.filter((name) => find[name]() === undefined);
  if (still.length > 0) throw new Error(`${still.join(', ')} was installed and is still not found.`);
  return Object.fromEntries(wanted.map((name) => [name, find[name]()]));
}

function installPackages(packages: readonly string[]): void {
  const command = `apt-get install -y --no-install-recommends ${packages.join(' ')}`;
  const isDebian = onPath('apt-get') !== undefined;
  if (process.getuid?.() !== 0 || !isDebian) {
    throw new Error(
      `The tests need ${packages.join(', ')}, not found here. ${isDebian ? `Run: sudo ${command}` : 'Install them with your package manager.'}`,
    );
  }
  say(`Installing Debian’s packages: ${packages.join(' ')}`);
  for (const step of ['apt-get update', command]) {
    const [program = '', ...args] = step.split(' ');
    const { status, stdout, stderr } = spawnSync(program, args, {
      encoding: 'utf8',
      // At run level 1 no package starts its service.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    if (status !== 0) throw new Error(`\`${step}\` failed:\n${(stdout + stderr).slice(-3000)}`);
  }
}

function debianPostgres(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

function macChrome(): string | undefined {
  return [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ].find((path) => existsSync(path));
}

function folderOnPath(program: string): string | undefined {
  return (process.env.PATH ?? '').split(delimiter).find((folder) => folder !== '' && isProgram(join(folder, program)));
}

function onPath(program: string): string | undefined {
  const folder = folderOnPath(program);
  return folder === undefined ? undefined : join(folder, program);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
