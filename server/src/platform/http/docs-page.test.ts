import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Type } from 'typebox';
import { DOCS_STYLESHEET, renderDocs } from './docs-page.ts';
import { createSchemaReader } from './docs-schema.ts';
import type { JsonSchema, OpenApiDocument, OpenApiOperation } from './openapi-document.ts';

const json = (schema: unknown) => ({ 'application/json': { schema: schema as JsonSchema } });

const User = Type.Object({ id: Type.String({ format: 'uuid' }), name: Type.Union([Type.String(), Type.Null()]) });

const login: OpenApiOperation = {
  tags: ['Sessions'],
  summary: 'Sign in',
  description: 'Takes a `password`.\n\n- **One** answer\n- for all <unknown>',
  requestBody: {
    required: true,
    content: json(
      Type.Object({
        email: Type.String({ format: 'email', maxLength: 254, description: 'The <b>address</b>' }),
        password: Type.String({ minLength: 1, maxLength: 256, examples: ["it's a secret"] }),
        session: Type.Optional(Type.Union([Type.Literal('token'), Type.Literal('cookie')], { default: 'token' })),
      }),
    ),
  },
  responses: {
    200: { description: 'Signed in', content: json(Type.Object({ user: User, roles: Type.Array(Type.String()) })) },
    401: { description: 'Not valid' },
  },
  'x-access': 'public',
  'x-limits': 'login',
  'x-errors': ['invalid_credentials', 'email_not_verified'],
};

const removeUser: OpenApiOperation = {
  tags: ['Administration'],
  parameters: [
    { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } },
    { name: 'If-Match', in: 'header', required: true, schema: { type: 'string', examples: ['"7"'] } },
    { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100, default: 25 } },
  ],
  responses: { 204: { description: 'Removed' }, 404: { description: 'No such user' } },
  'x-access': { permission: 'users:write' },
  'x-fresh': true,
};

const sample: OpenApiDocument = {
  openapi: '3.1.0',
  info: { title: 'Auth <API>', version: '1.2.3', description: 'Hello' },
  servers: [{ url: 'http://localhost:3000/' }],
  tags: [{ name: 'Sessions', description: 'In and out' }, { name: 'Unused' }],
  paths: {
    '/api/v1/admin/users/{id}': { delete: removeUser },
    '/api/v1/auth/login': { post: login },
    '/health': { get: { responses: { 200: { description: 'Lives' } } } },
  },
};

const page = renderDocs(sample, { prefix: '/api/v1' });
const article = (id: string): string =>
  new RegExp(`<article id="${id}".*?</article>`, 's').exec(page.html)?.[0] ?? assert.fail(id);
const unescaped = (text: string): string =>
  text.replace(
    /&(lt|gt|quot|#39|amp);/g,
    (_, name: string) => ({ lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' })[name] ?? '',
  );

function commandOf(id: string): string {
  return unescaped(/<pre class="copy"[^>]*><code>(.*?)<\/code>/s.exec(article(id))?.[1] ?? assert.fail(id));
}

test('the page works under a policy without scripts, inline styles or third parties', () => {
  assert.doesNotMatch(page.html, /<script|<style|\sstyle=|\son\w+=|<img|<iframe|@import|https:\/\/(?!example)/);
  assert.match(page.html, new RegExp(`<link rel="stylesheet" href="${DOCS_STYLESHEET}\\?v=[0-9a-f]{16}">`));
  assert.doesNotMatch(page.css, /url\(|@import/);
});

test('every operation stands under its tag, in the contents, and every link of the page has its target', () => {
  const ids = [...page.html.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]);
  assert.equal(new Set(ids).size, ids.length, 'an id twice');
  const targets = [...page.html.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]);
  for (const target of targets) assert.ok(ids.includes(target), target);
  for (const id of ['post-api-v1-auth-login', 'delete-api-v1-admin-users-_id_', 'get-health'])
    assert.ok(targets.includes(id), id);
  const titles = [...page.html.matchAll(/<h2[^>]*>([^<]+)</g)].map((match) => match[1]);
  assert.deepEqual(titles, ['Sessions', 'Administration', 'Other']);
});

test('what the contract says is text, never markup', () => {
  assert.match(page.html, /Auth &lt;API&gt;/);
  assert.match(page.html, /The &lt;b&gt;address&lt;\/b&gt;/);
  assert.match(page.html, /for all &lt;unknown&gt;/);
});

test('an operation shows its words, access, limits, fields and errors', () => {
  const text = article('post-api-v1-auth-login');
  for (const part of [
    'Sign in',
    '<code>password</code>',
    '<strong>One</strong>',
    '<dd>Anyone</dd>',
    'operations that take a credential',
    'string (email)',
    'at most 254 characters',
    '1 to 256 characters',
    '&quot;token&quot; | &quot;cookie&quot;',
    'default &quot;token&quot;',
    'invalid_credentials',
    'email_not_verified',
    '<code>user.name</code>',
    'string | null',
    'array of string',
  ])
    assert.ok(text.includes(part), part);
  assert.equal(text.match(/class="required"/g)?.length, 6);
  assert.match(article('delete-api-v1-admin-users-_id_'), /permission users:write, authenticated recently/);
  assert.match(article('delete-api-v1-admin-users-_id_'), /1 to 100; default 25/);
  assert.match(article('delete-api-v1-admin-users-_id_'), /<code>404<\/code><\/dt><dd>No such user/);
});

test('the example request is a command that a shell reads as it is meant', () => {
  const words = (id: string): string[] =>
    execFileSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }; ACCESS_TOKEN=at; ${commandOf(id)}`], {
      encoding: 'utf8',
    })
      .trimEnd()
      .split('\n');
  assert.deepEqual(words('post-api-v1-auth-login'), [
    '-X',
    'POST',
    'http://localhost:3000/api/v1/auth/login',
    '-H',
    'Content-Type: application/json',
    '-d',
    '{"email":"ada@example.com","password":"it\'s a secret"}',
  ]);
  assert.deepEqual(words('delete-api-v1-admin-users-_id_'), [
    '-X',
    'DELETE',
    'http://localhost:3000/api/v1/admin/users/01980c7e-5a3b-7c1d-9f2e-3b4a5c6d7e8f',
    '-H',
    'Authorization: Bearer at',
    '-H',
    'If-Match: "7"',
  ]);
  assert.deepEqual(words('get-health'), ['http://localhost:3000/health']);
});

test('references, intersections, alternatives and schemas that refer to themselves are read', () => {
  const Node: JsonSchema = {
    type: 'object',
    required: ['next'],
    properties: { next: { $ref: '#/components/schemas/Node' } },
  };
  const reader = createSchemaReader({ ...sample, components: { schemas: { Node } } });
  assert.ok(reader.fields({ $ref: '#/components/schemas/Node' }).length < 10);
  JSON.stringify(reader.example({ $ref: '#/components/schemas/Node' }, 'all'));
  assert.equal(reader.type({ $ref: '#/components/schemas/Missing' }), 'any');

  const both = Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.Optional(Type.Integer()) })]);
  assert.deepEqual(
    reader.fields(both as JsonSchema).map(({ name, isRequired }) => [name, isRequired]),
    [
      ['a', true],
      ['b', false],
    ],
  );

  const either = Type.Union([
    Type.Object({ status: Type.Literal('complete'), user: User }),
    Type.Object({ status: Type.Literal('mfa_required'), factors: Type.Array(Type.Enum(['totp', 'passkey'])) }),
  ]) as JsonSchema;
  assert.deepEqual(
    reader.fields(either).map(({ name, type, isRequired }) => `${name}: ${type}${isRequired ? '!' : ''}`),
    [
      'status: "complete" | "mfa_required"!',
      'user: object',
      'user.id: string (uuid)',
      'user.name: string | null',
      'factors: array of ("totp" | "passkey")',
    ],
  );
  assert.deepEqual(reader.example(either, 'all'), {
    status: 'complete',
    user: { id: '01980c7e-5a3b-7c1d-9f2e-3b4a5c6d7e8f', name: 'Ada Lovelace' },
  });
});

test('an example request holds what is required, or everything when nothing is', () => {
  const reader = createSchemaReader(sample);
  const optional = Type.Object({
    name: Type.Optional(Type.String()),
    locale: Type.Optional(Type.String()),
  }) as object as JsonSchema;
  assert.deepEqual(reader.example(optional, 'required'), { name: 'Ada Lovelace', locale: 'en' });
  const mixed = Type.Object({ email: Type.String(), name: Type.Optional(Type.String()) }) as JsonSchema;
  assert.deepEqual(reader.example(mixed, 'required'), { email: 'ada@example.com' });
  assert.deepEqual(
    reader.example(
      Type.Object({ n: Type.Integer({ minimum: 5 }), on: Type.Boolean(), at: Type.Null() }) as JsonSchema,
      'all',
    ),
    { n: 5, on: true, at: null },
  );
});
