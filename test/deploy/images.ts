import { mkdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { say } from '../run/report.ts';
import { ensureEngine, install } from './engine.ts';
import { shell } from './shell.ts';

const here = join(import.meta.dirname, 'images');

/** The names that our files use. */
export const IMAGES = {
  debian: 'debian:trixie-slim',
  forky: 'debian:forky-slim',
  node: 'node:24.21.0-trixie-slim',
  postgres: 'postgres:17',
  redis: 'redis:8',
  nginx: 'nginx:1.30',
} as const;
type Name = keyof typeof IMAGES;

const made = new Map<Name, Promise<void>>();

/** Sees to it that the image is there: as it is, pulled where a registry answers, else made from Debian's packages. */
export function ensureImage(name: Name): Promise<void> {
  const known = made.get(name) ?? make(name);
  made.set(name, known);
  return known;
}

async function make(name: Name): Promise<void> {
  await ensureEngine();
  const tag = IMAGES[name];
  if (await isThere(tag)) return;
  const started = performance.now();
  if (name === 'debian') await base('trixie', tag);
  else if (name === 'forky') await base('forky', tag);
  else {
    await ensureImage(name === 'nginx' ? 'forky' : 'debian');
    if (name === 'node') await makeNode(tag);
    else await shell(`docker build -q --network=host -t ${tag} ${join(here, name)}`, { seconds: 300 });
  }
  say(`    made ${tag} from Debian’s packages, ${((performance.now() - started) / 1000).toFixed(0)} s`);
}

export async function isThere(tag: string): Promise<boolean> {
  return (await shell(`docker image inspect ${tag}`, { ok: false })).status === 0;
}

async function base(suite: string, tag: string): Promise<void> {
  if ((await shell('command -v mmdebstrap', { ok: false })).status !== 0) await install(['mmdebstrap']);
  await shell(`bash ${join(here, 'base.sh')} ${suite} ${tag}`, { seconds: 300 });
}

/** The Node that runs this, which is the pinned one, and the npm that is installed here. */
async function makeNode(tag: string): Promise<void> {
  const npm = dirname(dirname(realpathSync((await shell('command -v npm')).stdout.trim())));
  const context = (await shell('mktemp -d')).stdout.trim();
  mkdirSync(join(context, 'bin'));
  await shell(
    `cp ${process.execPath} ${context}/bin/node; cp -r ${npm} ${context}/npm; cp ${here}/node/Dockerfile ${context}/
    docker build -q -t ${tag} ${context}; rm -rf ${context}`,
    { seconds: 120 },
  );
}
