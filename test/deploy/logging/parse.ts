/**
 * The pipeline language of Logstash, as much of it as deploy/logstash.conf uses. Logstash itself can be had neither from
 * npm nor from Debian, so this is an emulation: it shows that our file and the server's lines fit together, by the
 * documented meaning of the few words in it. Whatever else is written there is an error here.
 */

export type Value = string | number | boolean | Value[] | { readonly [key: string]: Value };
export interface Plugin {
  readonly kind: 'plugin';
  readonly name: string;
  readonly options: Readonly<Record<string, Value>>;
}
export interface Branch {
  readonly kind: 'if';
  readonly arms: readonly { readonly when: Condition | null; readonly body: readonly Statement[] }[];
}
export type Statement = Plugin | Branch;
export interface Condition {
  /** `[a][b]` as ['a', 'b']. */
  readonly field: readonly string[];
  readonly operator: '==' | '!=' | '>=' | '<=' | '>' | '<' | null;
  readonly value: string | number | null;
}
export type Pipeline = Readonly<Record<'input' | 'filter' | 'output', readonly Statement[]>>;

const TOKEN = /\s+|#[^\n]*|"(?:[^"\\]|\\.)*"|(?:\[[^\][]+\])+|=>|==|!=|>=|<=|[{}[\],<>]|-?\d+(?:\.\d+)?|[A-Za-z_]\w*/y;

function tokens(text: string): string[] {
  const found: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const inArray = text[at] === '[' && found.at(-1) === '=>';
    if (inArray) TOKEN.lastIndex = at + 1;
    const token = inArray ? '[' : TOKEN.exec(text)?.[0];
    if (token === undefined) throw new Error(`not understood: ${text.slice(at, at + 40)}`);
    if (!/^[\s#]/.test(token)) found.push(token);
  }
  return found;
}

export function parsePipeline(text: string): Pipeline {
  const rest = tokens(text);
  const take = (wanted?: string): string => {
    const token = rest.shift();
    if (token === undefined || (wanted !== undefined && token !== wanted))
      throw new Error(`${wanted ?? 'more'} was expected, not ${token ?? 'the end'}`);
    return token;
  };
  const pipeline: Record<string, Statement[]> = { input: [], filter: [], output: [] };
  while (rest.length > 0) {
    const section = take();
    if (!(section in pipeline)) throw new Error(`there is no section ${section}`);
    pipeline[section]?.push(...block(rest, take));
  }
  return pipeline as unknown as Pipeline;
}

type Take = (wanted?: string) => string;

function block(rest: string[], take: Take): Statement[] {
  const found: Statement[] = [];
  take('{');
  while (rest[0] !== '}') found.push(rest[0] === 'if' ? branch(rest, take) : plugin(rest, take));
  take('}');
  return found;
}

function branch(rest: string[], take: Take): Branch {
  const arms: { when: Condition | null; body: Statement[] }[] = [];
  take('if');
  arms.push({ when: condition(rest, take), body: block(rest, take) });
  while (rest[0] === 'else') {
    take('else');
    const isConditional = rest.at(0) === 'if';
    if (isConditional) take('if');
    arms.push({ when: isConditional ? condition(rest, take) : null, body: block(rest, take) });
    if (!isConditional) break;
  }
  return { kind: 'if', arms };
}

function condition(rest: string[], take: Take): Condition {
  const field = path(take());
  if (rest[0] === '{') return { field, operator: null, value: null };
  const operator = take();
  if (!/^(?:==|!=|>=|<=|>|<)$/.test(operator)) throw new Error(`no such comparison here: ${operator}`);
  return { field, operator: operator as '==', value: scalar(take()) as string | number };
}

export function path(text: string): string[] {
  if (!text.startsWith('[')) return [text];
  return [...text.matchAll(/\[([^\][]+)\]/g)].map(([, part = '']) => part);
}

function plugin(rest: string[], take: Take): Plugin {
  const name = take();
  const options: Record<string, Value> = {};
  take('{');
  while (rest[0] !== '}') {
    const key = take();
    take('=>');
    if (key in options) throw new Error(`${name}: ${key} stands there twice`);
    options[key] = value(rest, take);
  }
  take('}');
  return { kind: 'plugin', name, options };
}

function value(rest: string[], take: Take): Value {
  const first = take();
  if (first === '[') {
    const list: Value[] = [];
    while (rest[0] !== ']') {
      list.push(scalar(take()));
      if (rest[0] === ',') take(',');
    }
    take(']');
    return list;
  }
  if (first !== '{') return scalar(first);
  const hash: Record<string, Value> = {};
  while (rest[0] !== '}') {
    const key = scalar(take());
    take('=>');
    if (typeof key !== 'string' || key in hash) throw new Error(`a key that is no text, or stands there twice: ${key}`);
    hash[key] = value(rest, take);
  }
  take('}');
  return hash;
}

function scalar(token: string): string | number | boolean {
  if (token.startsWith('"')) return token.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  if (/^-?\d/.test(token)) return Number(token);
  if (token === 'true' || token === 'false') return token === 'true';
  if (/^\w+$/.test(token)) return token;
  throw new Error(`no value: ${token}`);
}
