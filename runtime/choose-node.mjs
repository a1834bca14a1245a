import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withInstallLock } from './install-lock.mjs';
import { npm } from './npm.mjs';
import { problem, STATUS } from './problem.mjs';
import { say, withProgress } from './progress.mjs';

const OLDEST = [24, 11, 0];
const STAMP = join('node_modules', '.stamp');

export function isNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  for (const [index, least] of OLDEST.entries()) {
    if (parts[index] !== least) return parts[index] > least;
  }
  return true;
}

/** A Node that is new enough and needs no installing, or null: the present one, or the one fetched earlier. */
export function findNode(root) {
  if (isNewEnough(process.versions.node)) return process.execPath;
  const { stamp, binary } = pinned(root);
  return stamp !== null && readStamp(root) === stamp && existsSync(binary) ? binary : null;
}

export async function ensureNode(root) {
  return findNode(root) ?? withInstallLock(root, async () => findNode(root) ?? fetchNode(root));
}

async function fetchNode(root) {
  const { name, version, stamp, folder, binary } = pinned(root);
  const wanted = `Node ${OLDEST.slice(0, 2).join('.')} or newer is needed, this is ${process.versions.node}`;
  if (!version) {
    throw problem(
      STATUS.unavailable,
      `${wanted}, and there is no packaged one for ${process.platform} on ${process.arch}.`,
      'Install it from https://nodejs.org/ and run this again.',
    );
  }
  say(`auth-api: ${wanted}; fetching ${version} into runtime/ (once, nothing else on this machine changes)`);
  rmSync(join(root, 'runtime', STAMP), { force: true });
  await withProgress(`Node ${version}`, () =>
    npm(process.execPath, ['ci', '--include=optional'], join(root, 'runtime')),
  );
  // Headers serve to compile addons, of which there are none: 67 MB less.
  for (const part of ['include', 'share', 'CHANGELOG.md']) rmSync(join(folder, part), { recursive: true, force: true });
  probe(binary, name);
  writeFileSync(join(root, 'runtime', STAMP), stamp);
  return binary;
}

/** The package of this platform as runtime/package-lock.json pins it; `version` is undefined where there is none. */
function pinned(root) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(root, 'runtime', 'node_modules', name);
  const binary = process.platform === 'win32' ? join(folder, 'bin', 'node.exe') : join(folder, 'bin', 'node');
  const lock = JSON.parse(readFileSync(join(root, 'runtime', 'package-lock.json'), 'utf8'));
  const entry = lock.packages[`node_modules/${name}`];
  return {
    name,
    folder,
    binary,
    version: entry?.version,
    stamp: entry ? `${name}@${entry.version} ${entry.integrity}` : null,
  };
}

function readStamp(root) {
  try {
    return readFileSync(join(root, 'runtime', STAMP), 'utf8');
  } catch {
    return null;
  }
}

function probe(binary, name) {
  if (!existsSync(binary)) {
    // The packages are optional ones, so that each machine gets its own: npm passes over one that it cannot get.
    throw problem(
      STATUS.unavailable,
      `npm could not get the package ${name} from the registry.`,
      'Check the network and npm’s settings (`npm config get registry`, `npm config get proxy`), then run this again.',
    );
  }
  const { status, error, stderr } = spawnSync(binary, ['-v'], { encoding: 'utf8' });
  if (status === 0) return;
  const isMusl = process.platform === 'linux' && !process.report.getReport().header.glibcVersionRuntime;
  throw problem(
    STATUS.unavailable,
    isMusl
      ? 'This Linux uses musl (Alpine, for one), for which there is no packaged Node.'
      : `The fetched Node (${name}) does not run here: ${(error?.message ?? stderr ?? '').trim() || `exit code ${status}`}`,
    `Install Node ${OLDEST.slice(0, 2).join('.')} or newer${isMusl ? ' (`apk add nodejs npm`)' : ''} and run this again.`,
  );
}
