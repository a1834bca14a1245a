/**
 * What Filebeat makes of a line by the parsers and processors that deploy/filebeat.yml names, after their documentation
 * (filestream input: parsers `container` and `ndjson`; processors `drop_event` and `add_fields`). An emulation: Filebeat
 * can be had neither from npm nor from Debian. What it does not know is an error.
 */
import { type Event, get } from './run.ts';

export interface Filebeat {
  readonly 'filebeat.inputs': readonly Input[];
  readonly processors: readonly Processor[];
  readonly [option: string]: unknown;
}
interface Input {
  readonly type: string;
  readonly id: string;
  readonly paths: readonly string[];
  readonly parsers: readonly Parser[];
  readonly processors?: readonly Processor[];
}
type Parser = Readonly<Record<'container' | 'ndjson', Readonly<Record<string, string | boolean>> | undefined>>;
type Processor = Readonly<Record<string, never>>;
type When = { not?: When; or?: When[]; equals?: Record<string, string> };

/** The event that goes out, or null where it is dropped. */
export function read({ 'filebeat.inputs': inputs, processors }: Filebeat, id: string, line: string): Event | null {
  const input = inputs.find((one) => one.id === id);
  if (input === undefined) throw new Error(`there is no input ${id}`);
  const event: Event = { '@timestamp': '1970-01-01T00:00:00.000Z', message: line };
  for (const parser of input.parsers) {
    const [name, options] = Object.entries(parser)[0] ?? [];
    if (name === 'container') container(event);
    else if (name === 'ndjson') ndjson(event, options ?? {});
    else throw new Error(`no such parser here: ${name}`);
  }
  for (const processor of [...(input.processors ?? []), ...processors]) if (!process(processor, event)) return null;
  return event;
}

/** Docker's own line: {"log":"…\n","stream":"stdout","attrs":{…},"time":"…"}. */
function container(event: Event): void {
  const { log, stream, attrs, time } = JSON.parse(String(event.message)) as Record<string, string>;
  Object.assign(event, { message: log?.replace(/\n$/, ''), stream, '@timestamp': time });
  if (attrs !== undefined) event.docker = { attrs };
}

function ndjson(event: Event, options: Readonly<Record<string, string | boolean>>): void {
  const { target, add_error_key, ignore_decoding_error, ...others } = options;
  if (typeof target !== 'string' || target === '' || Object.keys(others).length > 0)
    throw new Error(`ndjson: not known here: ${JSON.stringify(options)}`);
  try {
    const fields: unknown = JSON.parse(String(event.message));
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) throw new Error('not an object');
    event[target] = fields;
    event.message = ''; // without message_key nothing is left of it
  } catch (error) {
    if (add_error_key) event[target] = { error: { type: 'json', message: String(error) } };
  }
}

function process(processor: Processor, event: Event): boolean {
  const [name, options] = Object.entries(processor)[0] as [string, Record<string, unknown>];
  if (name === 'drop_event') return !holds((options as { when: When }).when, event);
  if (name === 'add_fields') event[String(options.target)] = options.fields;
  else if (name !== 'add_host_metadata') throw new Error(`no such processor here: ${name}`);
  return true;
}

function holds(when: When, event: Event): boolean {
  if (when.not) return !holds(when.not, event);
  if (when.or) return when.or.some((one) => holds(one, event));
  if (when.equals) return Object.entries(when.equals).every(([field, value]) => get(event, field.split('.')) === value);
  throw new Error(`no such condition here: ${Object.keys(when)}`);
}
