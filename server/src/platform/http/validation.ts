import type { FastifyRequest, FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { type FieldError, Refusal } from '../../lib/refusal.ts';

// Its own limit is eight, which a handful of wrong fields exceeds: each may count several times.
Settings.Set({ maxErrors: 250 });

interface TypeBoxError {
  keyword: string;
  instancePath: string;
  message: string;
  params?: { requiredProperties?: string[]; additionalProperties?: string[]; unevaluatedProperties?: string[] };
}

/**
 * Bodies are taken as they are; only query and path values, which are text by nature, are converted. All faults of one
 * request are listed at once; none repeats a value.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  let validator: ReturnType<typeof Compile<TSchema>> | undefined; // compiled at first use: the start does not wait
  const part = httpPart === 'querystring' ? 'query' : httpPart;
  return (value: unknown) => {
    const converted = httpPart === 'body' ? (value ?? null) : fromText(schema as TextSchema, value);
    validator ??= Compile(schema);
    if (validator.Check(converted)) return { value: converted };
    const errors = (validator.Errors(converted) as unknown as TypeBoxError[]).flatMap(fieldErrors);
    return { error: new Refusal('validation_failed', { detail: `The ${part} is not valid.`, errors: unique(errors) }) };
  };
};

interface TextSchema {
  properties?: Record<string, { type?: string }>;
}

// Only what has one reading is converted: `limit=0x10`, `1e1` or `1.5` stay text, and the validator refuses them.
function fromText({ properties = {} }: TextSchema, values: unknown): unknown {
  const converted = Object.entries((values ?? {}) as Record<string, unknown>).map(
    ([name, value]): [string, unknown] => {
      const type = Object.hasOwn(properties, name) ? properties[name]?.type : undefined;
      if (type === 'array') return [name, [value].flat()];
      if (typeof value !== 'string') return [name, value];
      if (type === 'integer' && /^(?:0|-?[1-9]\d{0,14})$/.test(value)) return [name, Number(value)];
      if (type === 'boolean' && (value === 'true' || value === 'false')) return [name, value === 'true'];
      return [name, value];
    },
  );
  return Object.fromEntries(converted);
}

/** A route that declares no body takes none: what it would not look at was meant for something (unknown fields). */
export function refuseStrayBody(request: FastifyRequest): void {
  if (request.routeOptions.schema?.body !== undefined || request.body === undefined || request.body === null) return;
  const fields =
    typeof request.body === 'object' && !Array.isArray(request.body) ? Object.keys(request.body) : ['(all)'];
  if (fields.length === 0) return;
  const errors = fields
    .slice(0, 50)
    .map((name) => ({ field: name.slice(0, 64), code: 'unknown', message: 'is not a field here' }));
  throw new Refusal('validation_failed', { detail: 'The body is not valid.', errors });
}

function fieldErrors(error: TypeBoxError): FieldError[] {
  if (error.keyword === 'boolean') return []; // an unknown field's second fault: `additionalProperties` has named it
  const base = error.instancePath.slice(1).replaceAll('/', '.');
  const inside = (name: string): string => (base === '' ? name : `${base}.${name}`);
  const missing = error.params?.requiredProperties;
  if (missing) return missing.map((name) => ({ field: inside(name), code: 'required', message: 'is missing' }));
  const unknown = error.params?.additionalProperties ?? error.params?.unevaluatedProperties;
  if (unknown) {
    return unknown.map((name) => ({
      field: inside(name.slice(0, 64)),
      code: 'unknown',
      message: 'is not a field here',
    }));
  }
  return [{ field: base === '' ? '(all)' : base, code: error.keyword, message: error.message }];
}

function unique(errors: FieldError[]): FieldError[] {
  const seen = new Set<string>();
  return errors.filter(({ field, code }) => !seen.has(`${field} ${code}`) && seen.add(`${field} ${code}`)).slice(0, 50);
}
