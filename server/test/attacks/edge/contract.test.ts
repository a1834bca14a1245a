// engines: postgres
// The contract is made of the routes, which are the same on every engine.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { refusalCatalogue } from '../../../src/lib/refusal.ts';
import { buildOpenApi } from '../../../src/platform/http/openapi.ts';
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from '../../../src/platform/http/openapi-document.ts';
import { compileValidator } from '../../../src/platform/http/validation.ts';
import { startServer, type TestServer } from '../../kit.ts';

let server: TestServer;
let document: OpenApiDocument;

before(async () => {
  server = await startServer();
  const { routes, config, version } = server.app.house;
  document = buildOpenApi(routes, config, version);
});

const operations = (): { name: string; operation: OpenApiOperation }[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${path}`, operation })),
  );

function* schemasIn(value: unknown): Generator<JsonSchema> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as JsonSchema;
  for (const inner of Object.values(value)) yield* schemasIn(inner);
}

test('every route is in the contract, or says that it is hidden', () => {
  for (const { method, url, rules } of server.app.house.routes) {
    const path = url.replace(/:([a-z_]+)/g, '{$1}');
    const operation = document.paths[path]?.[method.toLowerCase()];
    if (rules.hidden) assert.equal(operation, undefined, `${method} ${url}`);
    else assert.ok(operation, `${method} ${url} is neither in the contract nor hidden`);
  }
});

test('every reference leads somewhere, every name is unique, and nothing is left of how it was made', () => {
  const schemas = document.components?.schemas ?? {};
  let references = 0;
  for (const schema of schemasIn(document)) {
    if (typeof schema.$ref !== 'string') continue;
    references++;
    const name = /^#\/components\/schemas\/([A-Za-z0-9]+)$/.exec(schema.$ref)?.[1];
    assert.ok(name && schemas[name], schema.$ref);
  }
  assert.ok(references > 10);
  const ids = operations().map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.doesNotMatch(JSON.stringify(document), /"\$id"|~kind|~optional/);
});

test('every operation says what it is for, who may call it, what limits it and how it fails', () => {
  const codes = new Set<string>(refusalCatalogue().map(({ code }) => code));
  const tags = new Set(document.tags?.map(({ name }) => name));
  for (const { name, operation } of operations()) {
    assert.ok((operation.summary ?? '').length > 5, `${name}: summary`);
    assert.equal(operation.tags?.length, 1, `${name}: one tag`);
    assert.ok(tags.has(operation.tags?.[0] as string), `${name}: tag`);
    const access = operation['x-access'];
    assert.ok(
      access === 'public' || access === 'session' || typeof access?.permission === 'string',
      `${name}: x-access`,
    );
    assert.equal(operation.security === undefined, access === 'public', `${name}: security`);
    assert.ok(operation['x-limits'], `${name}: x-limits`);
    for (const code of operation['x-errors'] ?? []) assert.ok(codes.has(code), `${name}: ${code}`);
  }
});

test('every operation shows an example of its body and of its answer, and the examples are valid', () => {
  for (const { name, operation } of operations()) {
    const bodies = operation.requestBody === undefined ? [] : [operation.requestBody.content];
    const answers = Object.entries(operation.responses ?? {});
    assert.ok(answers.length > 0, `${name}: answers`);
    assert.ok(
      answers.some(([status]) => /^[23]\d\d$/.test(status)),
      `${name}: an answer that is a success`,
    );
    const contents = [...bodies, ...answers.flatMap(([, { content }]) => (content === undefined ? [] : [content]))];
    for (const media of contents.flatMap((content) => Object.values(content))) {
      assert.notEqual(media.example, undefined, `${name}: an example`);
      assert.ok(media.schema, `${name}: a schema`);
    }
  }
});

test('the example of every body is one that its route would take', () => {
  for (const { method, url, schema } of server.app.house.routes) {
    if (schema.body === undefined) continue;
    const path = url.replace(/:([a-z_]+)/g, '{$1}');
    const media = document.paths[path]?.[method.toLowerCase()]?.requestBody?.content['application/json'];
    const validate = compileValidator({ schema: schema.body, httpPart: 'body', method, url } as never);
    const result = validate(media?.example) as { error?: { options: unknown } };
    assert.equal(
      result.error,
      undefined,
      `${method} ${url}: ${JSON.stringify([media?.example, result.error?.options])}`,
    );
  }
});

test('path parameters are exactly those of the path', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const expected = [...path.matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name).sort();
    for (const [method, operation] of Object.entries(methods)) {
      const declared = (operation.parameters ?? [])
        .filter((one) => one.in === 'path')
        .map(({ name }) => name)
        .sort();
      assert.deepEqual(declared, expected, `${method} ${path}`);
    }
  }
});

test('the server gives the same document, and a page that shows every operation of it', async () => {
  const answer = await server.get('/openapi.json');
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, JSON.parse(JSON.stringify(document)));
  const page = await server.call('GET', '/docs');
  for (const { name, operation } of operations()) {
    assert.ok(page.text.includes((operation.summary ?? '').replaceAll('&', '&amp;')), `${name} on the page`);
  }
});

test('whatever an answer is made of, only what its schema names leaves the house', async () => {
  const user = await server.user();
  const session = { ...document.components?.schemas?.Session?.properties };
  const { body } = await server.get('/me/sessions', { bearer: user.accessToken });
  assert.deepEqual(Object.keys(body).sort(), ['data', 'next_cursor']);
  for (const one of body.data) assert.deepEqual(Object.keys(one).sort(), Object.keys(session).sort());
  const me = await server.get('/me', { bearer: user.accessToken });
  assert.deepEqual(
    Object.keys(me.body).sort(),
    Object.keys(document.components?.schemas?.User?.properties ?? {}).sort(),
  );
  assert.doesNotMatch(me.text + JSON.stringify(body), /hash|secret|version|permissions/);
});
