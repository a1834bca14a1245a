import { ensureEngine, install } from './engine.ts';
import { ensureImage } from './images.ts';
import type { Need } from './row.ts';
import { shell } from './shell.ts';
import { appImage, ensureStack } from './stack.ts';

const met = new Map<Need, Promise<string | null>>();

/** Null where it is there now; else why an area cannot run. Throws where it ought to be possible and is not. */
export function meet(need: Need, root: string): Promise<string | null> {
  const known = met.get(need) ?? see(need, root);
  met.set(need, known);
  return known;
}

async function see(need: Need, root: string): Promise<string | null> {
  const [kind, name = ''] = need.split(':');
  if (kind === 'tool') return tool(name);
  if (kind === 'engine') await ensureEngine();
  if (kind === 'images') await ensureImage(name as 'debian');
  if (kind === 'apt') await aptPackage(name);
  if (need === 'app-image') await appImage(root);
  if (need === 'stack') await ensureStack(root);
  return null;
}

async function aptPackage(name: string): Promise<void> {
  const { stdout } = await shell(`dpkg-query -W -f '\${Status}' ${name}`, { ok: false });
  if (!stdout.includes('install ok installed')) await install([name]);
}

/** What no package brings. Its rows are listed as NOT RUN at the end, with this reason; they never count as passed. */
async function tool(name: string): Promise<string | null> {
  if ((await shell(`command -v ${name}`, { ok: false })).status === 0) return null;
  return `${name} is not installed`;
}
