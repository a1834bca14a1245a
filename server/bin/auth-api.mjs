#!/usr/bin/env node
/**
 * `npx auth-api …`. Runs the command line under a Node that is new enough: this one, or in a checkout the one that
 * `npm start` has fetched. It installs nothing.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here('../..');
const main = [here('../src/cli/main.ts'), here('../dist/main.mjs')].find((path) => existsSync(path));
const [major, minor] = process.versions.node.split('.').map(Number);

if (!main) {
  fail('this installation has no program in it; install it again.');
} else if (major > 24 || (major === 24 && minor >= 11)) {
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else {
  const helpers = here('../../runtime/choose-node.mjs');
  const { findNode } = existsSync(helpers) ? await import(pathToFileURL(helpers).href) : { findNode: () => null };
  const node = findNode(root);
  if (node) {
    const { runNode } = await import(pathToFileURL(here('../../runtime/run-node.mjs')).href);
    process.exit(await runNode(node, [main, ...process.argv.slice(2)]));
  }
  const remedy = existsSync(helpers)
    ? 'Run `npm start` once: it fetches one.'
    : 'Install one from https://nodejs.org/.';
  fail(`Node 24.11 or newer is needed, this is ${process.versions.node}. ${remedy}`);
}

function fail(message) {
  process.stderr.write(`auth-api: ${message}\n`);
  process.exitCode = 69;
}
