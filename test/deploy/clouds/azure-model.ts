/** Checks a definition against the model that Azure's own library sends and reads resources by. */
import { isObject, type Json } from './vendor.ts';

interface Mapper {
  readonly serializedName?: string;
  readonly required?: boolean;
  readonly readOnly?: boolean;
  readonly constraints?: Readonly<Record<string, number | string>>;
  readonly type: {
    readonly name: string;
    readonly className?: string;
    readonly modelProperties?: Readonly<Record<string, Mapper>>;
    readonly element?: Mapper;
    readonly value?: Mapper;
    readonly allowedValues?: readonly string[];
  };
}

export type Models = Readonly<Record<string, Mapper>>;

/** Every fault, with its path. `apiVersion`, `name` and `type` belong to the request, not to the body. */
export function modelFaults(models: Models, model: string, definition: Json): string[] {
  const { apiVersion: _version, name: _name, type: _type, ...body } = definition;
  return compositeFaults(models, model, body, model);
}

function compositeFaults(models: Models, model: string, value: Json, path: string): string[] {
  const properties = Object.values(models[model]?.type.modelProperties ?? {});
  const known = new Map<string, Mapper>();
  for (const property of properties) known.set(property.serializedName ?? '', property);
  const flat = flatten(value, [...known.keys()]);
  const faults: string[] = [];
  for (const [name, inner] of Object.entries(flat)) {
    const mapper = known.get(name);
    if (!mapper) faults.push(`${path}.${name} is unknown to the interface`);
    else if (mapper.readOnly) faults.push(`${path}.${name} cannot be set`);
    else faults.push(...valueFaults(models, mapper, inner, `${path}.${name}`));
  }
  for (const [name, mapper] of known) {
    if (mapper.required && !mapper.readOnly && flat[name] === undefined) faults.push(`${path}.${name} is missing`);
  }
  return faults;
}

/** A property may be called `properties.template`: then `properties` is only a wrapping. */
function flatten(value: Json, names: readonly string[]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [key, inner] of Object.entries(value)) {
    const isWrapping = names.some((name) => name.startsWith(`${key}.`)) && !names.includes(key);
    if (isWrapping && isObject(inner)) for (const [name, one] of Object.entries(inner)) found[`${key}.${name}`] = one;
    else found[key] = inner;
  }
  return found;
}

function valueFaults(models: Models, mapper: Mapper, value: unknown, path: string): string[] {
  const { name, className, element, value: inner, allowedValues } = mapper.type;
  if (name === 'Composite') {
    if (!isObject(value)) return [`${path} is no object`];
    return className ? compositeFaults(models, className, value, path) : [];
  }
  if (name === 'Sequence') {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return element ? value.flatMap((one, index) => valueFaults(models, element, one, `${path}[${index}]`)) : [];
  }
  if (name === 'Dictionary') {
    if (!isObject(value)) return [`${path} is no object`];
    return inner
      ? Object.entries(value).flatMap(([key, one]) => valueFaults(models, inner, one, `${path}.${key}`))
      : [];
  }
  if (name === 'Enum' && allowedValues && !allowedValues.includes(String(value)))
    return [`${path} is none of ${allowedValues.join(', ')}`];
  const wanted = { Number: 'number', Boolean: 'boolean', String: 'string' }[name];
  if (wanted && typeof value !== wanted) return [`${path} is ${typeof value} instead of ${wanted}`];
  const { InclusiveMaximum: most, InclusiveMinimum: least } = mapper.constraints ?? {};
  return typeof value === 'number' && (value > Number(most ?? value) || value < Number(least ?? value))
    ? [`${path} is out of range`]
    : [];
}

/** The words that the interface takes for a property, out of the library's declarations. */
export function wordsOf(declarations: string, type: string): string[] {
  const body = new RegExp(`export declare enum Known${type} \\{([^}]*)\\}`).exec(declarations)?.[1] ?? '';
  return [...body.matchAll(/= "([^"]+)"/g)].map(([, word = '']) => word);
}

/** With a word in each place that is filled before it is sent. */
export function filledIn(definition: unknown): Json {
  const value: unknown = JSON.parse(JSON.stringify(definition).replaceAll(/\$\{[A-Z_]+\}/g, 'x'));
  if (!isObject(value)) throw new Error('it is no definition of a resource');
  return value;
}
