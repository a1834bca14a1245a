import fastJson from 'fast-json-stringify';
import type { FastifySerializerCompiler } from 'fastify';

type Schema = Record<string, unknown>;
type Write = (data: unknown) => string;

/**
 * Answers are written by their schema: what it does not name does not leave the house. Each is compiled when it is first
 * needed, so that the start does not wait for all of them.
 */
export const compileSerializer: FastifySerializerCompiler<unknown> = ({ schema }) => {
  let write: Write | undefined;
  return (data) => {
    write ??= writerOf(schema as Schema);
    return write(data);
  };
};

/** Answers that differ by a constant `status` are told apart by it, without trying each against the value. */
function writerOf(schema: Schema): Write {
  const variants = (schema.anyOf ?? []) as { properties?: { status?: { const?: string } } }[];
  const statuses = variants.map((variant) => variant.properties?.status?.const);
  if (variants.length === 0 || statuses.includes(undefined)) return fastJson(plain(schema) as never);
  const writers = new Map(variants.map((variant, at) => [statuses[at], writerOf(variant)]));
  return (data) => (writers.get((data as { status?: string }).status) as Write)(data);
}

/** Unions of scalars as one type: the writer then looks at the value's own instead of validating it against each. */
function plain(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plain);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { anyOf, ...rest } = schema as { anyOf?: Schema[] } & Schema;
  const types = [...new Set((anyOf ?? []).map(({ type }) => type))];
  if (anyOf !== undefined && types.every((type) => SCALARS.has(type as string))) {
    const { format } = anyOf.find((one) => one.format !== undefined) ?? {};
    return { ...rest, type: types.length === 1 ? types[0] : types, ...(format === undefined ? {} : { format }) };
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, plain(value)]));
}

const SCALARS = new Set(['string', 'number', 'integer', 'boolean', 'null']);
