import type { JsonSchema, OpenApiDocument } from './openapi-document.ts';

/** One field of a body, in words. */
export interface FieldText {
  readonly name: string;
  readonly type: string;
  readonly isRequired: boolean;
  readonly constraints: readonly string[];
  readonly description: string;
}

/** Below this, names get longer than they are useful; it also ends schemas that refer to themselves. */
const MAX_DEPTH = 5;

export interface SchemaReader {
  fields(schema: JsonSchema): FieldText[];
  type(schema: JsonSchema): string;
  constraints(schema: JsonSchema): string[];
  /** A value that fits the schema. Requests are shown with what they need, answers with everything. */
  example(schema: JsonSchema, shows: 'required' | 'all', name?: string): unknown;
}

export function createSchemaReader(document: OpenApiDocument): SchemaReader {
  const resolve = (schema: JsonSchema): JsonSchema => resolveSchema(document, schema);
  const type = (schema: JsonSchema): string => typeText(resolve, schema, 0);
  return {
    type,
    constraints: (schema) => constraintsOf(resolve(schema)),
    fields: (schema) => fieldsOf(resolve, schema, '', 0),
    example: (schema, shows, name = '') => exampleOf(resolve, schema, shows, name, 0),
  };
}

type Resolve = (schema: JsonSchema) => JsonSchema;

/** Follows a reference and joins the parts of an intersection. */
function resolveSchema(document: OpenApiDocument, schema: JsonSchema): JsonSchema {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split('/').at(-1) ?? '';
    const target = document.components?.schemas?.[name];
    return target === undefined ? {} : resolveSchema(document, target);
  }
  if (schema.allOf === undefined) return schema;
  const parts = schema.allOf.map((part) => resolveSchema(document, part));
  return {
    ...schema,
    type: 'object',
    properties: Object.assign({}, ...parts.map((part) => part.properties ?? {}), schema.properties) as Record<
      string,
      JsonSchema
    >,
    required: [...parts.flatMap((part) => part.required ?? []), ...(schema.required ?? [])],
  };
}

function alternatives(schema: JsonSchema): readonly JsonSchema[] {
  return schema.anyOf ?? schema.oneOf ?? [];
}

function typeText(resolve: Resolve, unresolved: JsonSchema, depth: number): string {
  const schema = resolve(unresolved);
  if (depth > MAX_DEPTH) return 'object';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const choices = alternatives(schema);
  if (choices.length > 0)
    return [...new Set(choices.map((choice) => typeText(resolve, choice, depth + 1)))].join(' | ');
  if (schema.items !== undefined) {
    const item = typeText(resolve, schema.items, depth + 1);
    return item.includes(' | ') ? `array of (${item})` : `array of ${item}`;
  }
  const types = schema.type === undefined ? [schema.properties ? 'object' : 'any'] : [schema.type].flat();
  return types.join(' | ') + (schema.format === undefined ? '' : ` (${schema.format})`);
}

function constraintsOf(schema: JsonSchema): string[] {
  const choices = alternatives(schema).filter((choice) => choice.type !== 'null');
  if (choices.length === 1 && choices[0] !== undefined) return constraintsOf(choices[0]);
  return [
    span(schema.minLength, schema.maxLength, 'characters'),
    span(schema.minimum, schema.maximum, ''),
    span(schema.minItems, schema.maxItems, 'items'),
    schema.pattern === undefined ? '' : `matches ${schema.pattern}`,
    schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`,
  ].filter((text) => text !== '');
}

function span(from: number | undefined, to: number | undefined, unit: string): string {
  if (from === undefined && to === undefined) return '';
  if (from === to) return `exactly ${from} ${unit}`.trim();
  if (to === undefined) return `at least ${from} ${unit}`.trim();
  if (from === undefined || from === 0) return `at most ${to} ${unit}`.trim();
  return `${from} to ${to} ${unit}`.trim();
}

/** Nested fields follow their parent as `user.email` and `data[].id`; of alternatives, all fields are listed once. */
function fieldsOf(resolve: Resolve, unresolved: JsonSchema, path: string, depth: number): FieldText[] {
  if (depth > MAX_DEPTH) return [];
  const schema = resolve(unresolved);
  if (schema.items !== undefined) return fieldsOf(resolve, schema.items, `${path}[]`, depth + 1);
  const choices = alternatives(schema).map(resolve);
  if (choices.length > 0) return joined(choices.map((choice) => fieldsOf(resolve, choice, path, depth + 1)));
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    const name = path === '' ? key : `${path}.${key}`;
    const resolved = resolve(field);
    const text: FieldText = {
      name,
      type: typeText(resolve, field, 0),
      isRequired: schema.required?.includes(key) ?? false,
      constraints: constraintsOf(resolved),
      description: field.description ?? resolved.description ?? '',
    };
    return [text, ...fieldsOf(resolve, field, name, depth + 1)];
  });
}

/** A field is required of a choice only if every alternative has it and requires it. */
function joined(alternativesOfFields: readonly FieldText[][]): FieldText[] {
  const withFields = alternativesOfFields.filter((fields) => fields.length > 0);
  const byName = new Map<string, FieldText[]>();
  for (const field of withFields.flat()) byName.set(field.name, [...(byName.get(field.name) ?? []), field]);
  return [...byName.values()].map((same) => ({
    ...(same[0] as FieldText),
    type: [...new Set(same.map((field) => field.type))].join(' | '),
    isRequired: same.length === withFields.length && same.every((field) => field.isRequired),
  }));
}

const exampleByFormat: Record<string, string> = {
  email: 'ada@example.com',
  uuid: '01980c7e-5a3b-7c1d-9f2e-3b4a5c6d7e8f',
  'date-time': '2026-01-31T12:00:00.000Z',
  date: '2026-01-31',
  uri: 'https://example.com/',
  url: 'https://example.com/',
};

const exampleByName: Record<string, string> = {
  email: 'ada@example.com',
  name: 'Ada Lovelace',
  password: 'four words in a row',
  current_password: 'four words in a row',
  new_password: 'another four words here',
  token: 'the token from the mail',
  id: '01980c7e-5a3b-7c1d-9f2e-3b4a5c6d7e8f',
  locale: 'en',
  user_agent: 'Mozilla/5.0',
  address: '203.0.113.7',
};

function exampleOf(
  resolve: Resolve,
  unresolved: JsonSchema,
  shows: 'required' | 'all',
  name: string,
  depth: number,
): unknown {
  const schema = resolve(unresolved);
  const given = schema.examples?.[0] ?? schema.const ?? schema.enum?.[0] ?? schema.default;
  if (given !== undefined) return given;
  if (depth > MAX_DEPTH) return {};
  const [first] = alternatives(schema);
  if (first !== undefined) return exampleOf(resolve, first, shows, name, depth + 1);
  if (schema.items !== undefined) return [exampleOf(resolve, schema.items, shows, name, depth + 1)];
  if (schema.properties !== undefined) return exampleObject(resolve, schema, shows, depth);
  return exampleScalar(schema, name);
}

function exampleObject(resolve: Resolve, schema: JsonSchema, shows: 'required' | 'all', depth: number): unknown {
  const all = Object.entries(schema.properties ?? {});
  const required = all.filter(([key]) => schema.required?.includes(key));
  const shown = shows === 'all' || required.length === 0 ? all : required;
  return Object.fromEntries(shown.map(([key, field]) => [key, exampleOf(resolve, field, shows, key, depth + 1)]));
}

function exampleScalar(schema: JsonSchema, name: string): unknown {
  const type = [schema.type ?? 'object'].flat()[0];
  if (type === 'string') return exampleByFormat[schema.format ?? ''] ?? exampleByName[name] ?? '…';
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'boolean') return true;
  return type === 'null' ? null : {};
}
