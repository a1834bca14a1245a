/**
 * Checks a Terraform module against the provider's schema without the provider: HashiCorp publishes the schemas as
 * TypeScript declarations, one folder for each resource, and the parser of the language as a WebAssembly module.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isObject, type Json } from './vendor.ts';

interface Field {
  readonly isRequired: boolean;
  readonly type: string;
}
interface Schema {
  readonly interfaces: ReadonlyMap<string, ReadonlyMap<string, Field>>;
  readonly root: string;
  /** What can be read of it, under the names of the library. */
  readonly readable: ReadonlySet<string>;
}

export interface Module {
  readonly text: string;
  readonly blocks: readonly {
    readonly kind: 'resource' | 'data';
    readonly type: string;
    readonly name: string;
    readonly body: Json;
  }[];
  readonly variables: ReadonlySet<string>;
  readonly locals: ReadonlySet<string>;
}

const META = new Set(['depends_on', 'lifecycle', 'for_each', 'count', 'provider', 'timeouts', 'dynamic']);

const camel = (name: string): string => name.replaceAll(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase());

export async function readModule(parserFolder: string, folder: string): Promise<Module> {
  const { parse } = createRequire(join(parserFolder, 'x.js'))('@cdktf/hcl2json') as {
    parse(file: string, text: string): Promise<Json>;
  };
  const blocks: Module['blocks'][number][] = [];
  const [variables, locals] = [new Set<string>(), new Set<string>()];
  let all = '';
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.tf'))) {
    const text = readFileSync(join(folder, file), 'utf8');
    all += `${text}\n`;
    const parsed = await parse(file, text);
    for (const name of Object.keys((parsed.variable as Json | undefined) ?? {})) variables.add(name);
    for (const one of (parsed.locals as Json[] | undefined) ?? [])
      for (const name of Object.keys(one)) locals.add(name);
    for (const kind of ['resource', 'data'] as const) {
      for (const [type, named] of Object.entries((parsed[kind] as Record<string, Json> | undefined) ?? {}))
        for (const [name, bodies] of Object.entries(named))
          for (const body of bodies as Json[]) blocks.push({ kind, type, name, body });
    }
  }
  return { text: all, blocks, variables, locals };
}

/** Each resource and data source by its schema, then every reference by what it refers to. */
export function moduleFaults(module: Module, libraryFolder: string, provider: string): string[] {
  const schemas = new Map<string, Schema | null>();
  const faults: string[] = [];
  for (const { kind, type, name, body } of module.blocks) {
    if (!type.startsWith(`${provider}_`)) continue;
    const key = kind === 'data' ? `data.${type}` : type;
    const schema = schemas.get(key) ?? readSchema(libraryFolder, kind, type, provider);
    schemas.set(key, schema);
    if (schema) faults.push(...blockFaults(schema, schema.root, body, `${key}.${name}`));
    else faults.push(`${key}.${name}: the provider has no such ${kind}`);
  }
  return [...faults, ...referenceFaults(module, schemas)];
}

const kept = new Map<string, Schema | null>();

function readSchema(folder: string, kind: string, type: string, provider: string): Schema | null {
  const key = `${folder} ${kind} ${type}`;
  const schema = kept.has(key) ? kept.get(key) : parseSchema(folder, kind, type, provider);
  kept.set(key, schema ?? null);
  return schema ?? null;
}

function parseSchema(folder: string, kind: string, type: string, provider: string): Schema | null {
  const short = type.replace(`${provider}_`, '').replaceAll('_', '-');
  const place = join(folder, 'lib', kind === 'data' ? `data-${provider}-${short}` : short);
  if (!existsSync(place)) return null;
  const files = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.d.ts'));
  const text = files.map((name) => readFileSync(join(place, name), 'utf8')).join('\n');
  const interfaces = new Map<string, Map<string, Field>>();
  let root = '';
  for (const [, name = '', parent = '', body = ''] of text.matchAll(
    /export interface (\w+)( extends [^{]+)? \{\n([\s\S]*?)\n\}/g,
  )) {
    const fields = body.matchAll(/^ {4}readonly (\w+)(\??): ([\s\S]*?);$/gm);
    interfaces.set(
      name,
      new Map([...fields].map(([, field = '', optional, type = '']) => [field, { isRequired: optional === '', type }])),
    );
    if (parent.includes('TerraformMetaArguments')) root = name;
  }
  return {
    interfaces,
    root,
    readable: new Set([...text.matchAll(/^ {4}get (\w+)\(\)/gm)].map(([, name = '']) => name)),
  };
}

function blockFaults(schema: Schema, name: string, body: Json, path: string): string[] {
  const fields = schema.interfaces.get(name) ?? new Map<string, Field>();
  const dynamic = isObject(body.dynamic) ? Object.entries(body.dynamic) : [];
  const contents = dynamic.map(
    ([key, uses]) => [key, (uses as Json[]).flatMap((use) => use.content as Json[])] as const,
  );
  const given = [...Object.entries(body).filter(([key]) => !META.has(key) || fields.has(camel(key))), ...contents];
  const names = new Set(given.map(([key]) => camel(key)));
  return [
    ...[...fields]
      .filter(([field, { isRequired }]) => isRequired && !names.has(field))
      .map(([field]) => `${path}.${field} is missing`),
    ...given.flatMap(([key, value]) => {
      const field = fields.get(camel(key));
      return field
        ? valueFaults(schema, field.type, value, `${path}.${key}`)
        : [`${path}.${key} is unknown to the provider`];
    }),
  ];
}

function valueFaults(schema: Schema, type: string, value: unknown, path: string): string[] {
  const inner = type.replace(/ \| cdktf\.IResolvable$/, '').replace(/\[\]$/, '');
  if (schema.interfaces.has(inner)) {
    const isBlock = Array.isArray(value) && value.every(isObject);
    return isBlock ? value.flatMap((one: Json) => blockFaults(schema, inner, one, path)) : [`${path} is no block`];
  }
  if (typeof value === 'string' && value.includes('${')) return [];
  if (type.includes('[]')) return Array.isArray(value) ? [] : [`${path} is no list`];
  const isNumber =
    typeof value === 'number' || (typeof value === 'string' && value !== '' && Number.isFinite(Number(value)));
  if (inner === 'number' && !isNumber) return [`${path} is no number`];
  if (inner === 'boolean' && typeof value !== 'boolean') return [`${path} is neither true nor false`];
  if (inner === 'string' && (typeof value === 'object' || value === null)) return [`${path} is no text`];
  return [];
}

function referenceFaults(
  { text, blocks, variables, locals }: Module,
  schemas: ReadonlyMap<string, Schema | null>,
): string[] {
  const code = text.replaceAll(/#[^\n]*/g, '');
  const faults = new Set<string>();
  for (const [, name = ''] of code.matchAll(/\bvar\.(\w+)/g))
    if (!variables.has(name)) faults.add(`var.${name} is not declared`);
  for (const [, name = ''] of code.matchAll(/\blocal\.(\w+)/g))
    if (!locals.has(name)) faults.add(`local.${name} is not declared`);
  const names = new Set(blocks.map(({ kind, type, name }) => `${kind === 'data' ? 'data.' : ''}${type}.${name}`));
  for (const [, data = '', type = '', name = '', attribute] of code.matchAll(
    /\b(data\.)?((?:google|azurerm)_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?/g,
  )) {
    if (!names.has(`${data}${type}.${name}`)) faults.add(`${data}${type}.${name} is not declared`);
    const schema = schemas.get(`${data}${type}`);
    if (attribute && attribute !== 'id' && schema && !schema.readable.has(camel(attribute)))
      faults.add(`${type} has no ${attribute}`);
  }
  for (const name of variables) if (!code.includes(`var.${name}`)) faults.add(`var.${name} is used nowhere`);
  return [...faults];
}
