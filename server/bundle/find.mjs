import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The program as few files instead of two thousand (docs/decisions/0013-one-file.md): where it lies, and whether it was
 * made of the source as it is now. This is read at every start, under any Node from 18: it loads no package.
 */
const MADE_OF = [join('server', 'src'), join('server', 'bundle')];
const LOCK = 'package-lock.json';

/** The folder to run from; null where there is none, or only one of another source. */
export function findBundle(root) {
  const shipped = join(root, 'server', 'dist'); // in an image, where the source never changes
  if (isWhole(shipped)) return shipped;
  const folder = bundleFolder(root);
  return folder !== null && isWhole(folder) ? folder : null;
}

/** Where the bundle of the present source belongs: its name says what it is made of. Null where there is no checkout. */
export function bundleFolder(root) {
  let state = '';
  const look = (path) => {
    const { size, mtimeMs } = statSync(path);
    state += `${path} ${size} ${mtimeMs}\n`;
  };
  const lookInto = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) lookInto(path);
      else if (!entry.name.endsWith('.test.ts')) look(path);
    }
  };
  try {
    for (const folder of MADE_OF) lookInto(join(root, folder));
    look(join(root, LOCK));
  } catch {
    return null;
  }
  const name = createHash('sha256').update(state).digest('hex').slice(0, 16);
  return join(root, 'node_modules', '.cache', 'auth-api', `program-${name}`);
}

export function isWhole(folder) {
  return existsSync(join(folder, 'main.mjs'));
}

/** Notes that a server runs from this folder: it reads parts of it later, so nobody may delete it meanwhile. */
export function markRunning(folder) {
  const mark = join(folder, 'running', `${process.pid}`);
  try {
    mkdirSync(join(folder, 'running'), { recursive: true });
    writeFileSync(mark, '');
    process.once('exit', () => rmSync(mark, { force: true }));
  } catch {} // where nothing can be written, nothing is deleted either
}
