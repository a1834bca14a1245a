/** The door of the bench: installs the rivals, which are no part of the product, by the lock of this folder. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from '../runtime/npm.mjs';
import { withProgress } from '../runtime/progress.mjs';

const folder = dirname(fileURLToPath(import.meta.url));
const stamp = join(folder, 'node_modules', '.auth-api-stamp');
const fingerprint = createHash('sha256')
  .update(readFileSync(join(folder, 'package-lock.json')))
  .digest('hex');

if (readStamp() !== fingerprint) {
  await withProgress('installing what the bench compares with', () => npm(process.execPath, ['ci'], folder));
  writeFileSync(stamp, fingerprint);
}
await import('./main.ts');

function readStamp() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return null;
  }
}
