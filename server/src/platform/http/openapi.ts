import type { Config } from '../../config/config.ts';
import type {
  JsonSchema,
  OpenApiDocument,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiResponse,
} from './openapi-document.ts';
import { exampleOf } from './openapi-example.ts';
import type { CollectedRoute } from './server.ts';
import { ProblemView } from './shapes.ts';

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

interface RouteSchema {
  tags?: string[];
  summary?: string;
  description?: string;
  body?: JsonSchema;
  querystring?: JsonSchema;
  params?: JsonSchema;
  headers?: JsonSchema;
  response?: Record<string, JsonSchema>;
}

/** The contract, made of the same schemas that validate requests and filter answers: it cannot say anything else. */
export function buildOpenApi(
  routes: readonly CollectedRoute[],
  config: Pick<Config, 'PUBLIC_URL'>,
  version: string,
): OpenApiDocument {
  const schemas: Record<string, JsonSchema> = {};
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  const tags = new Set<string>();
  for (const route of routes) {
    if (route.rules.hidden || route.method === 'HEAD' || Object.keys(route.schema).length === 0) continue;
    const path = route.url.replace(/:([a-z_]+)/g, '{$1}');
    paths[path] ??= {};
    const operation = operationOf(route, path, schemas);
    (paths[path] as Record<string, OpenApiOperation>)[route.method.toLowerCase()] = operation;
    for (const tag of operation.tags ?? []) tags.add(tag);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'auth-api',
      version,
      description: 'Accounts, sessions and tokens. Errors are RFC 9457 problems with a stable `code`.',
    },
    servers: [{ url: config.PUBLIC_URL }],
    tags: [...tags].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        cookie: { type: 'apiKey', in: 'cookie', name: '__Host-session' },
      },
    },
  };
}

function operationOf(route: CollectedRoute, path: string, schemas: Record<string, JsonSchema>): OpenApiOperation {
  const schema = route.schema as RouteSchema;
  const { access, limits, fresh } = route.rules;
  const parameters = [
    ...parametersOf('path', schema.params, schemas),
    ...parametersOf('query', schema.querystring, schemas),
  ];
  const body = schema.body && bodyOf(schema.body);
  const responses: Record<string, OpenApiResponse> = {};
  for (const [status, response] of Object.entries(schema.response ?? {}))
    responses[status] = responseOf(response, schemas);
  responses.default = problemResponse(schemas);
  return {
    operationId: `${route.method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, c: string | undefined) => (c ?? '').toUpperCase())}`,
    ...(schema.tags === undefined ? {} : { tags: schema.tags }),
    ...(schema.summary === undefined ? {} : { summary: schema.summary }),
    ...(schema.description === undefined ? {} : { description: schema.description }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.isRequired,
            content: { 'application/json': { schema: named(body.schema, schemas), example: exampleOf(body.schema) } },
          },
        }),
    responses,
    ...(access === 'public' ? {} : { security: [{ bearer: [] }, { cookie: [] }] }),
    'x-access': access,
    'x-limits': limits ?? 'address',
    ...(fresh ? { 'x-fresh': true } : {}),
    'x-errors': errorsOf(route, body !== undefined),
  };
}

// A union with null is how a route says that its body may be left out.
function bodyOf(schema: JsonSchema): { schema: JsonSchema; isRequired: boolean } {
  const something = schema.anyOf?.filter((one) => one.type !== 'null');
  return something?.length === 1
    ? { schema: something[0] as JsonSchema, isRequired: false }
    : { schema, isRequired: true };
}

function parametersOf(
  where: 'path' | 'query',
  schema: JsonSchema | undefined,
  schemas: Record<string, JsonSchema>,
): OpenApiParameter[] {
  return Object.entries(schema?.properties ?? {}).map(([name, value]) => ({
    name,
    in: where,
    required: where === 'path' || (schema?.required?.includes(name) ?? false),
    ...(value.description === undefined ? {} : { description: value.description }),
    schema: named(value, schemas),
  }));
}

function responseOf(schema: JsonSchema, schemas: Record<string, JsonSchema>): OpenApiResponse {
  const description = schema.description ?? 'Done.';
  if (schema.type === 'null') return { description };
  return {
    description,
    content: { 'application/json': { schema: named(schema, schemas), example: exampleOf(schema) } },
  };
}

function problemResponse(schemas: Record<string, JsonSchema>): OpenApiResponse {
  const example = {
    type: 'urn:auth-api:error:rate_limited',
    title: 'Too many requests',
    status: 429,
    code: 'rate_limited',
    request_id: '019abcde-0000-7000-8000-000000000001',
    policy: 'login',
    retry_after: 42,
  };
  const schema = named(ProblemView as JsonSchema, schemas);
  return { description: 'Any error (RFC 9457).', content: { 'application/problem+json': { schema, example } } };
}

/** A schema with an `$id` is written once, under components, and referred to; TypeBox's own marks are left out. */
function named(schema: JsonSchema, schemas: Record<string, JsonSchema>): JsonSchema {
  const { $id, ...rest } = schema as JsonSchema & { $id?: string };
  const plain = walk(rest as JsonSchema, (inner) => named(inner, schemas));
  if ($id === undefined) return plain;
  schemas[$id] = plain;
  return { $ref: `#/components/schemas/${$id}` };
}

function walk(schema: JsonSchema, each: (inner: JsonSchema) => JsonSchema): JsonSchema {
  const map = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(map);
    return typeof value === 'object' && value !== null ? each(value as JsonSchema) : value;
  };
  const entries = Object.entries(schema).map(([key, value]): [string, unknown] => {
    if (key === 'properties') {
      return [
        key,
        Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, each(inner as JsonSchema)])),
      ];
    }
    if (['items', 'anyOf', 'oneOf', 'allOf', 'additionalProperties'].includes(key)) return [key, map(value)];
    return [key, value];
  });
  return Object.fromEntries(entries) as JsonSchema;
}

function errorsOf({ method, rules }: CollectedRoute, hasBody: boolean): string[] {
  const { access, fresh, limits } = rules;
  return [
    ...(hasBody ? ['validation_failed', 'malformed_request', 'body_too_large', 'unsupported_media_type'] : []),
    ...(access === 'public' ? [] : ['unauthenticated', 'token_expired', 'session_revoked', 'session_expired']),
    ...(access !== 'public' && UNSAFE.has(method) ? ['csrf_invalid'] : []),
    ...(UNSAFE.has(method) ? ['origin_not_allowed'] : []),
    ...(typeof access === 'object' ? ['forbidden'] : []),
    ...(fresh ? ['reauthentication_required'] : []),
    ...(limits === 'none' ? [] : ['rate_limited']),
  ];
}
