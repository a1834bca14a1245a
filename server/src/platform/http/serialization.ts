import fastJson from 'fast-json-stringify';
import type { FastifySerializerCompiler } from 'fastify';

/**
 * Answers are written by their schema: what it does not name does not leave the house. Each is compiled when it is first
 * needed, so that the start does not wait for all of them.
 */
export const compileSerializer: FastifySerializerCompiler<unknown> = ({ schema }) => {
  let write: ((data: unknown) => string) | undefined;
  return (data) => {
    write ??= fastJson(schema as Parameters<typeof fastJson>[0]);
    return write(data);
  };
};
