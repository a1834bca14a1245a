// engines: none
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '..');
const contract = JSON.parse(readFileSync(join(root, 'server/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, unknown>>;
};
const documents = ['docs/guides', 'docs/runbooks', 'docs/decisions']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.md'));

test('every operation that a document names is in the contract', () => {
  const known = new Set(
    Object.entries(contract.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
    ),
  );
  let count = 0;
  for (const document of documents) {
    const text = readFileSync(join(root, document), 'utf8');
    for (const [, method, path] of text.matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^\s`?]*)/g)) {
      const operation = `${method} ${(path as string).replace('/api/v1', '')}`;
      assert.ok(known.has(operation), `${document} names ${operation}`);
      count++;
    }
  }
  assert.ok(count > 30);
});

test('every link between documents leads somewhere', () => {
  for (const document of [...documents, 'README.md', 'CONTRIBUTING.md', 'docs/architecture.md']) {
    const text = readFileSync(join(root, document), 'utf8');
    for (const [, target] of text.matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)) {
      assert.doesNotThrow(() => readdirOrFile(join(root, document, '..', target as string)), `${document}: ${target}`);
    }
  }
});

function readdirOrFile(path: string): void {
  if (path.endsWith('/')) readdirSync(path);
  else readFileSync(path);
}
