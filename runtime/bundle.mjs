import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { findBundle } from '../server/bundle/find.mjs';
import { say } from './progress.mjs';

/** Makes the program into few files where there is none of the present source. Where that fails, the source itself runs. */
export function ensureBundle(root, node) {
  if (findBundle(root) !== null) return;
  const { status } = spawnSync(node, [join('server', 'bundle', 'make.mjs')], { cwd: root, stdio: 'ignore' });
  if (status === 0) return;
  say('auth-api: it starts from its source, which takes longer; `npm run build` says why it could not be made ready');
}
