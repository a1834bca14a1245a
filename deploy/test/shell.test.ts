// engines: none
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
// By name, not by git: a checkout may be a copy.
const scripts = globSync(['**/*.sh', '.ci/run'], { cwd: root, exclude: (name) => name === 'node_modules' }).sort();

test('every shell script is clean to shellcheck', () => {
  assert.ok(scripts.length > 10, scripts.join(' '));
  const { status, stdout, stderr } = spawnSync(
    'shellcheck',
    ['--external-sources', '--source-path=SCRIPTDIR', ...scripts],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stdout + stderr);
});

test('shellcheck would find a fault', () => {
  const { status } = spawnSync('shellcheck', ['-'], { input: '#!/bin/bash\nrm -rf $HOME/$1\n', encoding: 'utf8' });
  assert.equal(status, 1);
});

for (const path of scripts) {
  test(`${path} stops at the first fault where it is run, and cannot be run where it is only sourced`, () => {
    const text = readFileSync(join(root, path), 'utf8');
    const isRun = (statSync(join(root, path)).mode & 0o111) !== 0;
    if (isRun) {
      assert.match(text, /^#!(\/usr\/bin\/env bash|\/bin\/sh)\n/);
      assert.match(text, /^set -e/m);
    } else assert.doesNotMatch(text, /^#!/, 'chmod +x, or no first line that says how to run it');
  });
}
