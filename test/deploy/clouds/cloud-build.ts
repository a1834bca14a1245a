/** Checks a build against the messages of Google's own library for Cloud Build. */
import { at, isObject, type Json } from './vendor.ts';

const MODULE = 'google.devtools.cloudbuild.v1'.split('.');
const NUMBERS = new Set(['int32', 'int64', 'uint32', 'uint64', 'double', 'float']);

export function buildFaults(protos: Json, build: Json): string[] {
  return messageFaults(protos, 'Build', build, 'build');
}

const lookUp = (protos: Json, name: string): unknown =>
  at(protos, ...MODULE.flatMap((part) => ['nested', part]), ...name.split('.').flatMap((part) => ['nested', part]));

function messageFaults(protos: Json, name: string, value: Json, path: string): string[] {
  const fields = at(lookUp(protos, name), 'fields');
  if (!isObject(fields)) return [`${path}: there is no message ${name}`];
  return Object.entries(value).flatMap(([key, inner]) => {
    const field = fields[key];
    if (!isObject(field)) return [`${path}.${key} is unknown to Cloud Build`];
    if (at(field, 'options', '(google.api.field_behavior)') === 'OUTPUT_ONLY') return [`${path}.${key} cannot be set`];
    const [type, owner] = [String(field.type), name];
    if (field.keyType) return isObject(inner) ? mapFaults(inner, `${path}.${key}`) : [`${path}.${key} is no object`];
    if (field.rule !== 'repeated') return fieldFaults(protos, owner, type, inner, `${path}.${key}`);
    if (!Array.isArray(inner)) return [`${path}.${key} is no list`];
    return inner.flatMap((one, index) => fieldFaults(protos, owner, type, one, `${path}.${key}[${index}]`));
  });
}

/** Substitutions are texts: an unquoted 1 of YAML is none. */
function mapFaults(value: Json, path: string): string[] {
  return Object.entries(value)
    .filter(([, one]) => typeof one !== 'string')
    .map(([key]) => `${path}.${key} is no text`);
}

function fieldFaults(protos: Json, owner: string, type: string, value: unknown, path: string): string[] {
  if (type === 'string') return typeof value === 'string' ? [] : [`${path} is ${typeof value} instead of text`];
  if (type === 'bool') return typeof value === 'boolean' ? [] : [`${path} is neither true nor false`];
  if (NUMBERS.has(type)) return Number.isFinite(Number(value)) ? [] : [`${path} is no number`];
  if (type === 'google.protobuf.Duration')
    return /^\d+(\.\d+)?s$/.test(String(value)) ? [] : [`${path} is no duration`];
  const full = lookUp(protos, `${owner}.${type}`) === undefined ? type : `${owner}.${type}`;
  const values = at(lookUp(protos, full), 'values');
  if (isObject(values)) return Object.hasOwn(values, String(value)) ? [] : [`${path} is no ${type}: ${value}`];
  return isObject(value) ? messageFaults(protos, full, value, path) : [`${path} is no object`];
}

/** Every substitution that is used is declared or built in, and every declared one is used. */
export function substitutionFaults(text: string, build: Json): string[] {
  const builtIn = ['PROJECT_ID', 'BUILD_ID', 'COMMIT_SHA', 'LOCATION', 'PROJECT_NUMBER'];
  const declared = Object.keys((build.substitutions as Json | undefined) ?? {});
  const used = new Set(
    [...text.replaceAll('$$', '').matchAll(/\$\{?(_?[A-Z][A-Z0-9_]*)/g)].map(([, name = '']) => name),
  );
  return [
    ...[...used]
      .filter((name) => !declared.includes(name) && !builtIn.includes(name))
      .map((name) => `$${name} is unknown`),
    ...declared.filter((name) => !used.has(name)).map((name) => `${name} is used nowhere`),
  ];
}
