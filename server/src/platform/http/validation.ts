import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { type FieldError, Refusal } from '../../lib/refusal.ts';

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
  const validator = Compile(schema);
  const part = httpPart === 'querystring' ? 'query' : httpPart;
  return (value: unknown) => {
    const converted = httpPart === 'body' ? (value ?? null) : Value.Convert(schema, value);
    if (validator.Check(converted)) return { value: converted };
    const errors = (validator.Errors(converted) as unknown as TypeBoxError[]).flatMap(fieldErrors);
    return { error: new Refusal('validation_failed', { detail: `The ${part} is not valid.`, errors: unique(errors) }) };
  };
};

function fieldErrors(error: TypeBoxError): FieldError[] {
  const base = error.instancePath.slice(1).replaceAll('/', '.');
  const inside = (name: string): string => (base === '' ? name : `${base}.${name}`);
  const missing = error.params?.requiredProperties;
  if (missing) return missing.map((name) => ({ field: inside(name), code: 'required', message: 'is missing' }));
  const unknown = error.params?.additionalProperties ?? error.params?.unevaluatedProperties;
  if (unknown) {
    return unknown.map((name) => ({ field: inside(name.slice(0, 64)), code: 'unknown', message: 'is not a field here' }));
  }
  return [{ field: base === '' ? '(all)' : base, code: error.keyword, message: error.message }];
}

function unique(errors: FieldError[]): FieldError[] {
  const seen = new Set<string>();
  return errors
    .filter(({ field, code }) => !seen.has(`${field} ${code}`) && seen.add(`${field} ${code}`))
    .slice(0, 50);
}
