#!/usr/bin/env node
/**
 * The one door: `npm start`, `npm run dev`, `npm test` and `npm run check` come through here. It runs on any Node from
 * 18 and needs no packages: it finds or fetches the Node that the project pins, installs the packages when their lock
 * has changed, and hands over. Where nothing has changed it reads two small files and does nothing else.
 *
 *     node start.mjs <serve|dev|build|test|test:deploy|check|bench> [arguments]
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBundle } from './runtime/bundle.mjs';
import { ensureNode } from './runtime/choose-node.mjs';
import { ensurePackages } from './runtime/packages.mjs';
import { explain, STATUS } from './runtime/problem.mjs';
import { runNode } from './runtime/run-node.mjs';

const root = dirname(fileURLToPath(import.meta.url));
const main = join('server', 'src', 'cli', 'main.ts');
const program = join('server', 'bin', 'auth-api.mjs');
const follow = ['--import', './runtime/follow.mjs'];

/** What each verb needs installed, and what it runs. */
const verbs = {
  serve: { packages: 'production', isBundled: true, command: [...follow, program, 'serve'] },
  dev: { packages: 'full', command: [...follow, '--watch', '--watch-preserve-output', main, 'serve'] },
  build: { packages: 'production', command: [join('server', 'bundle', 'make.mjs')] },
  test: { packages: 'full', command: [join('test', 'run', 'main.ts')] },
  check: { packages: 'full', command: [join('test', 'run', 'check.ts')] },
  bench: { packages: 'production', command: [join('bench', 'start.mjs')] },
  'test:deploy': { packages: 'full', command: [join('test', 'deploy', 'main.ts')] },
};

async function start([name, ...rest]) {
  const verb = Object.hasOwn(verbs, name ?? '') ? verbs[name] : undefined;
  if (!verb) {
    process.stderr.write('usage: node start.mjs <serve|dev|build|test|test:deploy|check|bench> [arguments]\n');
    return STATUS.usage;
  }
  const node = await ensureNode(root);
  await ensurePackages(root, node, verb.packages);
  if (verb.isBundled) ensureBundle(root, node);
  return runNode(node, [...verb.command, ...rest], { cwd: root });
}

start(process.argv.slice(2)).then(
  (status) => process.exit(status),
  (error) => {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(error.status ?? STATUS.internal);
  },
);
