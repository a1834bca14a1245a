// engines: none
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsOf } from './house-rules.ts';

const SKIP = 'sk' + 'ip';

test('time, randomness and the environment each have one room', () => {
  for (const code of ['Date.now()', 'new Date()', 'Math.random()', 'process.env.PORT']) {
    assert.equal(faultsOf('server/src/core/x/y.ts', `a();\nconst b = ${code};\n`).length, 1, code);
  }
  assert.deepEqual(faultsOf('server/src/platform/clock.ts', 'Date.now()'), []);
  assert.deepEqual(faultsOf('server/src/config/read.ts', 'process.env.PORT'), []);
  assert.deepEqual(faultsOf('server/src/core/x/y.ts', 'new Date(clock.now())'), []);
});

test('SQL is found in strings of other files than stores', () => {
  const code =
    'await tx.query(`\n  SELECT 1`);\nawait tx.query(`SELECT 1`);\nawait tx.query("update auth.users set a = 1");\n';
  assert.equal(faultsOf('server/src/features/x/log-in.ts', code).length, 3);
  for (const file of ['core/x/store.ts', 'core/x/search-store.ts', 'platform/db/migrate.ts', 'core/x/y.test.ts']) {
    assert.deepEqual(faultsOf(`server/src/${file}`, code), [], file);
  }
});

test('prose is no SQL, and a comment is no code', () => {
  assert.deepEqual(
    faultsOf('server/src/core/x/y.ts', "say('select a file');\n// `SELECT 1`, Date.now()\n/* process.env */\n"),
    [],
  );
});

test('a test that is left out is a fault', () => {
  assert.equal(faultsOf('server/src/x.test.ts', `test.${SKIP}('a', () => {});`).length, 1);
  assert.equal(faultsOf('server/src/x.test.ts', `test('a', { ${SKIP}: true }, () => {});`).length, 1);
});

test('a source file has at most 300 lines', () => {
  assert.deepEqual(faultsOf('server/src/a.ts', '\n'.repeat(300)), []);
  assert.deepEqual(faultsOf('server/src/a.ts', '\n'.repeat(301)), ['server/src/a.ts: 301 lines, 300 are the most']);
});
