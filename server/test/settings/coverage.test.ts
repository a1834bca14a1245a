// engines: none
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { table } from '../../src/config/table.ts';
import { covered } from './covered.ts';

const folder = new URL('./', import.meta.url);
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => readFileSync(new URL(name, folder), 'utf8'));

test('every setting has a test of its effect, and no test is claimed that is not there', () => {
  assert.deepEqual(Object.keys(covered).sort(), Object.keys(table).sort());
  const missing = Object.entries(covered).filter(([name, title]) => {
    const file = files.find((text) => text.includes(`test('${title}'`));
    return !file?.includes(name);
  });
  assert.deepEqual(missing, []);
});
