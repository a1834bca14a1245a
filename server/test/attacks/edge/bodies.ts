import type { JsonSchema } from '../../../src/platform/http/openapi-document.ts';
import { exampleOf } from '../../../src/platform/http/openapi-example.ts';
import type { CollectedRoute } from '../../../src/platform/http/server.ts';
import type { CallOptions } from '../../kit.ts';

export interface BadBody {
  readonly what: string;
  readonly sent: Pick<CallOptions, 'raw' | 'type' | 'headers'>;
}

const json = (raw: string | Uint8Array): BadBody['sent'] => ({ raw, type: 'application/json' });

/** Every way of the list to send a wrong body to a route, made of the schema that the route itself declares. */
export function badBodies(route: CollectedRoute): BadBody[] {
  const schema = bodySchemaOf(route);
  const good = schema === undefined ? {} : (exampleOf(schema) as Record<string, unknown>);
  const field = Object.entries(schema?.properties ?? {}).find(([, inner]) => inner.type === 'string')?.[0] ?? 'email';
  const text = JSON.stringify(good);
  return [
    ...wrongTypes(schema, good),
    ...missing(schema, good),
    { what: 'an unknown field', sent: json(JSON.stringify({ ...good, surprise: 1 })) },
    { what: 'an unknown field of a user', sent: json(JSON.stringify({ ...good, is_admin: true, password_hash: 'x' })) },
    { what: 'a list in the place of an object', sent: json('[1]') },
    { what: 'a string in the place of an object', sent: json('"text"') },
    { what: 'a number in the place of an object', sent: json('7') },
    { what: '1 MB', sent: json(JSON.stringify({ ...good, [field]: 'x'.repeat(1 << 20) })) },
    { what: 'JSON that ends too early', sent: json(`${text.slice(0, -1)},"a":`) },
    { what: 'single quotes', sent: json("{'a':1}") },
    { what: 'JSON with something behind it', sent: json(`${text} x`) },
    { what: 'NUL', sent: json(`{"${field}":"a\\u0000b"}`) },
    { what: 'a bare NUL', sent: json(`{"${field}":"a\0b"}`) },
    { what: 'half a surrogate pair', sent: json(`{"${field}":"a\\ud800b"}`) },
    { what: 'half a surrogate pair in a key', sent: json('{"\\udc00":1}') },
    { what: 'bytes that are not UTF-8', sent: json(Buffer.from(`{"${field}":"\xff\xfe"}`, 'latin1')) },
    { what: 'a byte order mark', sent: json(`\ufeff${text}`) },
    { what: 'the same key twice', sent: json(`{"${field}":"a","${field}":"b"}`) },
    { what: 'the same key twice, once escaped', sent: json(`{"${field}":"a","\\u00${hex(field)}":"b"}`) },
    { what: '__proto__', sent: json('{"__proto__":{"admin":true}}') },
    { what: '__proto__, escaped', sent: json('{"\\u005f_proto__":{"admin":true}}') },
    { what: 'constructor.prototype', sent: json('{"constructor":{"prototype":{"admin":true}}}') },
    { what: 'a hundred thousand levels', sent: json(`${'['.repeat(30_000)}${']'.repeat(30_000)}`) },
    { what: 'a number without end', sent: json(`{"${field}":1e400}`) },
    { what: 'a form', sent: { raw: 'email=a%40b.c&password=x', type: 'application/x-www-form-urlencoded' } },
    { what: 'plain text that is JSON', sent: { raw: text, type: 'text/plain' } },
    { what: 'a multipart form', sent: { raw: '--x\r\n\r\n--x--', type: 'multipart/form-data; boundary=x' } },
    { what: 'JSON in another charset', sent: { raw: text, type: 'application/json; charset=utf-16' } },
  ];
}

function bodySchemaOf(route: CollectedRoute): JsonSchema | undefined {
  const schema = route.schema.body as JsonSchema | undefined;
  return schema?.anyOf?.find((one) => one.type !== 'null') ?? schema;
}

function wrongTypes(schema: JsonSchema | undefined, good: Record<string, unknown>): BadBody[] {
  return Object.entries(schema?.properties ?? {}).flatMap(([name, inner]) =>
    wrongFor(inner).map((wrong) => ({
      what: `${name} as ${JSON.stringify(wrong)}`,
      sent: json(JSON.stringify({ ...good, [name]: wrong })),
    })),
  );
}

function wrongFor({ type, anyOf }: JsonSchema): unknown[] {
  if (type === 'string') return [5, null, ['a'], { a: 1 }];
  if (type === 'array') return [5, 'a', { length: 1 }];
  if (type === 'boolean' || type === 'integer') return ['yes', 1.5, [true]];
  if (type === 'object') return ['a', [1]];
  return anyOf ? [5.5, { a: 1 }] : [];
}

function missing(schema: JsonSchema | undefined, good: Record<string, unknown>): BadBody[] {
  return (schema?.required ?? []).map((name) => ({
    what: `no ${name}`,
    sent: json(JSON.stringify(Object.fromEntries(Object.entries(good).filter(([key]) => key !== name)))),
  }));
}

function hex(field: string): string {
  return field.charCodeAt(0).toString(16).padStart(2, '0') + field.slice(1);
}
