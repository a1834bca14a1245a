import { type Condition, type Plugin, path, type Statement, type Value } from './parse.ts';

/** What Filebeat sends and Logstash passes on: fields within fields. */
export interface Event {
  [field: string]: unknown;
}

export function get(event: Event, field: readonly string[]): unknown {
  return field.reduce<unknown>((part, name) => (isFields(part) ? part[name] : undefined), event);
}

const isFields = (value: unknown): value is Event =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function set(event: Event, field: readonly string[], value: unknown): void {
  const last = field.at(-1) ?? '';
  let part = event;
  for (const name of field.slice(0, -1)) {
    if (part[name] === undefined) part[name] = {};
    const next = part[name];
    // Elasticsearch refuses a document in which a field is a text here and holds others there.
    if (!isFields(next)) throw new Error(`[${field.join('][')}] cannot be set: ${name} is a value already`);
    part = next;
  }
  part[last] = value;
}

function remove(event: Event, field: readonly string[]): void {
  const parent = get(event, field.slice(0, -1));
  if (isFields(parent)) delete parent[field.at(-1) ?? ''];
}

/** The filters of a pipeline, one after the other, on one event. */
export function filter(statements: readonly Statement[], event: Event): void {
  for (const statement of statements) {
    if (statement.kind === 'plugin') apply(statement, event);
    else {
      const arm = statement.arms.find(({ when }) => when === null || holds(when, event));
      if (arm !== undefined) filter(arm.body, event);
    }
  }
}

function holds({ field, operator, value }: Condition, event: Event): boolean {
  const found = get(event, field);
  if (operator === null) return found !== undefined && found !== null && found !== false;
  if (operator === '==' || operator === '!=') return (found === value) === (operator === '==');
  if (typeof found !== 'number' || typeof value !== 'number')
    throw new Error(`[${field.join('][')}] ${operator} ${value}: Logstash compares numbers with numbers`);
  if (operator === '>=') return found >= value;
  if (operator === '<=') return found <= value;
  return operator === '>' ? found > value : found < value;
}

type Hash = Readonly<Record<string, string>>;

function apply({ name, options }: Plugin, event: Event): void {
  const { rename, add_field, add_tag, remove_field, ...others } = options;
  if (name === 'date') date(others, event);
  else if (name !== 'mutate' || Object.keys(others).length > 0)
    throw new Error(`not known here: ${name} ${Object.keys(others).join(' ')}`);
  for (const [from, to] of Object.entries((rename ?? {}) as Hash)) {
    const value = get(event, path(from));
    if (value === undefined) continue;
    remove(event, path(from));
    set(event, path(to), value);
  }
  for (const [field, value] of Object.entries((add_field ?? {}) as Hash)) {
    const there = get(event, path(field));
    // That is what Logstash does: a field that is there becomes a list.
    set(event, path(field), there === undefined ? value : [there, value].flat());
  }
  if (add_tag !== undefined) tag(event, add_tag);
  for (const field of (remove_field ?? []) as string[])
    if (name !== 'date' || !hasTag(event, options.tag_on_failure)) remove(event, path(field));
}

function date({ match, target, tag_on_failure, ...others }: Readonly<Record<string, Value>>, event: Event): void {
  const [field, format] = match as string[];
  if (format !== 'ISO8601' || Object.keys(others).length > 0) throw new Error(`date: not known here: ${format}`);
  const text = get(event, path(field ?? ''));
  if (text === undefined) return;
  const isTime =
    typeof text === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/.test(text);
  if (isTime) set(event, path(String(target)), new Date(text).toISOString());
  else tag(event, tag_on_failure ?? []);
}

function tag(event: Event, tags: Value): void {
  event.tags = [...((event.tags as string[] | undefined) ?? []), ...(tags as string[])];
}

const hasTag = (event: Event, tags: Value | undefined): boolean =>
  ((event.tags as string[] | undefined) ?? []).some((one) => ((tags ?? []) as string[]).includes(one));
