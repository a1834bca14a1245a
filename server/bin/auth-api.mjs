#!/usr/bin/env node
/**
 * `npx auth-api …`. Runs the command line under a Node that is new enough: this one, or in a checkout the one that
 * `npm start` has fetched. It installs nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { findBundle, markRunning } from '../bundle/find.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const root = here('../..');
const source = here('../src/cli/main.ts');
const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 11)) {
  const main = (await prepareBundle()) ?? source;
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else {
  const helpers = here('../../runtime/choose-node.mjs');
  const { findNode } = existsSync(helpers) ? await import(pathToFileURL(helpers).href) : { findNode: () => null };
  const node = findNode(root);
  if (node) {
    const { runNode } = await import(pathToFileURL(here('../../runtime/run-node.mjs')).href);
    process.exit(await runNode(node, [here('auth-api.mjs'), ...process.argv.slice(2)]));
  }
  const remedy = existsSync(helpers)
    ? 'Run `npm start` once: it fetches one.'
    : 'Install one from https://nodejs.org/.';
  fail(`Node 24.11 or newer is needed, this is ${process.versions.node}. ${remedy}`);
}

/** The bundle's main file, where there is a bundle of this source. Its compiled code is kept with it. */
async function prepareBundle() {
  const folder = findBundle(root);
  if (folder === null) return null;
  if (process.argv[2] === 'serve') {
    markRunning(folder);
    // While a server starts, nearly all that it makes stays: a young generation that grows then would only hold 8 MB for
    // nothing afterwards. Once it listens, cli/serve.ts lets it grow. Compiled code is kept by V8's flags, so this is first.
    setFlagsFromString('--semi-space-growth-factor=1');
  }
  const { enableCompileCache } = await import('node:module');
  enableCompileCache(join(folder, 'compiled'));
  return join(folder, 'main.mjs');
}

function fail(message) {
  process.stderr.write(`auth-api: ${message}\n`);
  process.exitCode = 69;
}
