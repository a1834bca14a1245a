import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withInstallLock } from './install-lock.mjs';
import { npm } from './npm.mjs';
import { problem, STATUS } from './problem.mjs';
import { say, withProgress } from './progress.mjs';

/**
 * Installs the packages of package-lock.json where they are not there yet. `kind` is `production` (what the server runs
 * on) or `full` (with the tools for tests and checks). The stamp in node_modules says what was installed; it is taken
 * away before and written after, so that an interrupted installation is begun again.
 */
export async function ensurePackages(root, node, kind) {
  if (isInstalled(root, kind)) return;
  await withInstallLock(root, async () => {
    if (isInstalled(root, kind)) return;
    await install(root, node, kind);
  });
}

function isInstalled(root, kind) {
  const installed = readStamp(root);
  return installed === 'full' || installed === kind;
}

async function install(root, node, kind) {
  const present = readStamp(root) ?? (existsSync(stampPath(root)) ? null : adoptable(root));
  if (present === 'full' || present === kind) {
    writeStamp(root, present);
    return;
  }
  // From production to full only the missing ones are added: `npm ci` would empty the folder under a running server.
  const isAddition = present === 'production';
  const args = isAddition
    ? ['install', '--no-save', '--include=dev']
    : ['ci', kind === 'full' ? '--include=dev' : '--omit=dev'];
  const expected = countLocked(root, kind);
  say(
    `auth-api: installing packages${kind === 'full' ? ', with those for tests and checks' : ''} (once, until package-lock.json changes)`,
  );
  rmSync(stampPath(root), { force: true });
  await withProgress(`${expected} packages`, () => npm(node, args, root));
  writeStamp(root, kind);
}

function stampPath(root) {
  return join(root, 'node_modules', '.auth-api-stamp');
}

/** The kind that was installed from the present lock, for this platform; null where none was. */
function readStamp(root) {
  try {
    const [kind, fingerprint] = readFileSync(stampPath(root), 'utf8').split(' ');
    return fingerprint === fingerprintOf(root) ? kind : null;
  } catch {
    return null;
  }
}

function writeStamp(root, kind) {
  try {
    writeFileSync(stampPath(root), `${kind} ${fingerprintOf(root)}`);
  } catch (error) {
    throw problem(
      STATUS.cannotWrite,
      `node_modules cannot be written to (${error.code}).`,
      'Run this as the user that owns the folder.',
    );
  }
}

function fingerprintOf(root) {
  const lock = readFileSync(join(root, 'package-lock.json'));
  return createHash('sha256').update(`${process.platform} ${process.arch} `).update(lock).digest('hex');
}

/**
 * Where the person has run `npm ci` or `npm install` on their own, npm's list of what it put there is compared with the
 * lock, so that nothing is installed twice. Null where anything needed is missing or differs.
 */
function adoptable(root) {
  let present;
  try {
    present = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8')).packages;
  } catch {
    return null;
  }
  let kind = 'full';
  for (const [path, locked] of lockedPackages(root)) {
    const found = present[path];
    if (found && found.version !== locked.version) return null;
    if (found || locked.optional || locked.devOptional) continue;
    if (!locked.dev) return null;
    kind = 'production';
  }
  return kind;
}

function lockedPackages(root) {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(lock.packages).filter(([path, entry]) => path.includes('node_modules/') && !entry.link);
}

function countLocked(root, kind) {
  return lockedPackages(root).filter(
    ([, entry]) => !entry.optional && !entry.devOptional && (kind === 'full' || !entry.dev),
  ).length;
}
