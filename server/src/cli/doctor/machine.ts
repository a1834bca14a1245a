import { X509Certificate } from 'node:crypto';
import { readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const GIB = 1024 ** 3;
const DAY = 86_400_000;
const NODE = [24, 11] as const;

/** What can be seen on this machine, without asking anybody. */
export function machineFindings(config: Config, now: number): Finding[] {
  return [nodeFinding(), ...disks(config), permissions(config), ...certificate(config, now), proxy(config)];
}

export function nodeFinding(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return ok('node', `Node ${version}`);
  return fail('node', `Node ${version}`, `Node ${NODE.join('.')} or newer is needed.`);
}

function disks(config: Config): Finding[] {
  const places: [string, string][] = [['disk', config.DATA_DIR]];
  if (config.LOG_FILE !== null) places.push(['log disk', dirname(config.LOG_FILE)]);
  return places.map(([check, folder]) => disk(check, folder));
}

function disk(check: string, folder: string): Finding {
  try {
    const { bavail, bsize, blocks } = statfsSync(existing(folder));
    const free = bavail * bsize;
    const text = `${(free / GIB).toFixed(1)} GiB free for ${folder}`;
    const mend = 'Free some space, or move DATA_DIR or LOG_FILE.';
    if (free < 0.2 * GIB) return fail(check, text, mend);
    return free < GIB || bavail < blocks * 0.03 ? warn(check, text, mend) : ok(check, text);
  } catch (error) {
    return warn(
      check,
      `${folder} cannot be looked at (${(error as { code?: string }).code})`,
      'Does it exist, and may this user see it?',
    );
  }
}

// What is not there yet will be made inside the nearest folder that is.
function existing(folder: string): string {
  return statSync(folder, { throwIfNoEntry: false }) || dirname(folder) === folder ? folder : existing(dirname(folder));
}

function permissions(config: Config): Finding {
  if (process.platform === 'win32') return ok('permissions', 'not looked at on Windows');
  const secret = [
    join(config.DATA_DIR, 'dev-secrets.json'),
    join(config.DATA_DIR, 'server.sock'),
    config.tls?.keyPath ?? '',
  ];
  const open = secret.filter((path) => modeOf(path) & 0o007);
  if (config.database.kind === 'embedded' && modeOf(config.database.directory) & 0o077)
    open.push(config.database.directory);
  if (open.length === 0) return ok('permissions', 'nobody else can read keys and data');
  return fail('permissions', `others can read ${open.join(', ')}`, `chmod go-rwx ${open.join(' ')}`);
}

function modeOf(path: string): number {
  return path === '' ? 0 : (statSync(path, { throwIfNoEntry: false })?.mode ?? 0);
}

function certificate({ tls }: Config, now: number): Finding[] {
  if (tls === null) return [];
  const { validToDate, subject } = new X509Certificate(readFileSync(tls.certPath));
  const days = Math.floor((validToDate.getTime() - now) / DAY);
  const text = `${subject?.replaceAll('\n', ', ') ?? 'the certificate'} until ${validToDate.toISOString().slice(0, 10)} (${days} days)`;
  const mend = 'Renew it, then send SIGHUP to the server.';
  if (days < 3) return [fail('certificate', text, mend)];
  return [days < 21 ? warn('certificate', text, mend) : ok('certificate', text)];
}

function proxy(config: Config): Finding {
  const isBehind = config.PUBLIC_URL.startsWith('https:') && config.tls === null;
  if (!isBehind)
    return ok(
      'proxy',
      config.TRUSTED_PROXIES.length > 0
        ? `believes ${config.TRUSTED_PROXIES.join(', ')}`
        : 'none declared, none needed',
    );
  if (config.TRUSTED_PROXIES.length > 0) return ok('proxy', `believes ${config.TRUSTED_PROXIES.join(', ')}`);
  return warn(
    'proxy',
    'PUBLIC_URL is https, the server speaks http, and TRUSTED_PROXIES is empty: every client looks like the proxy',
    'Set TRUSTED_PROXIES to its address; `GET /admin/diagnostics/client-ip` shows what the server sees.',
  );
}
