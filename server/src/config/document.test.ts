import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationMarkdown, envExample } from './document.ts';
import { parseDotenv } from './dotenv.ts';
import type { AnySetting } from './setting.ts';
import { table, themes } from './table.ts';
import { load, makeDirectory, put } from './test-kit.ts';

test('every setting of the table stands in one theme, in the page and in the example', () => {
  const names = themes.flatMap(({ settings }) => Object.keys(settings));
  assert.deepEqual([...names].sort(), Object.keys(table).sort());
  const example = parseDotenv(envExample().replaceAll(/^#(?=[A-Z])/gm, ''));
  assert.deepEqual(example.problems, []);
  assert.deepEqual([...example.values.keys()], names);
  for (const name of names) assert.ok(configurationMarkdown().includes(`### \`${name}\``), name);
});

test('the example of every setting that is no secret and no file is taken', async () => {
  for (const [name, entry] of Object.entries<AnySetting>(table)) {
    if (!entry.isSecret) assert.ok('value' in entry.parser.parse(entry.example), `${name}=${entry.example}`);
  }
});

test('the example file copied as it is changes nothing', async () => {
  const cwd = makeDirectory();
  const without = await load({}, { cwd });
  put(cwd, '.env', envExample());
  assert.deepEqual(await load({}, { cwd }), without);
});
