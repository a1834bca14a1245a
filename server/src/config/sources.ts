import { parseDotenv } from './dotenv.ts';
import { readSmallFile } from './files.ts';
import type { Report } from './report.ts';
import { type Name, table } from './table.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The text of each setting that is set somewhere, and every other variable that was seen, for finding misspelt ones. */
export interface Sources {
  readonly texts: Map<Name, string>;
  readonly strangers: readonly string[];
}

const names = Object.keys(table) as Name[];

/** The environment wins over `.env`; within each of the two, NAME and NAME_FILE together are a fault. Empty is not set. */
export function gather(env: Environment, cwd: string, report: Report): Sources {
  const layers = [readLayer(env), readLayer(readDotenvFile(cwd, report))];
  const texts = new Map<Name, string>();
  for (const name of names) {
    const text = pick(name, layers, cwd, report);
    if (text !== null) texts.set(name, text);
  }
  const strangers = layers.flatMap((layer) => [...layer.keys()]).filter((name) => !isKnown(name));
  return { texts, strangers: [...new Set(strangers)] };
}

export function isKnown(name: string): boolean {
  return Object.hasOwn(table, name) || (name.endsWith('_FILE') && isSecretName(name.slice(0, -'_FILE'.length)));
}

function isSecretName(name: string): boolean {
  return Object.hasOwn(table, name) && table[name as Name].isSecret === true;
}

function readLayer(values: Environment): ReadonlyMap<string, string> {
  const set = Object.entries(values).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1].trim() !== '',
  );
  return new Map(set);
}

function readDotenvFile(cwd: string, report: Report): Environment {
  const expected = 'a file of lines NAME=value that the server can read, or no such file';
  const file = readSmallFile(cwd, '.env');
  if ('problem' in file) {
    if (!file.problem.endsWith('does not exist'))
      report.fault('.env', file.problem.replace(/^names "\.env", which /, ''), expected);
    return {};
  }
  const { values, problems } = parseDotenv(file.text);
  for (const problem of problems)
    report.fault('.env', `is malformed: ${problem}`, 'NAME=value, NAME="value", NAME=\'value\' or # comment');
  return Object.fromEntries(values);
}

function pick(name: Name, layers: readonly ReadonlyMap<string, string>[], cwd: string, report: Report): string | null {
  const isSecret = isSecretName(name);
  for (const layer of layers) {
    const text = layer.get(name);
    const path = isSecret ? layer.get(`${name}_FILE`) : undefined;
    if (text !== undefined && path !== undefined) {
      report.fault(name, `is set twice: as ${name} and as ${name}_FILE`, `one of ${name} and ${name}_FILE`);
      return null;
    }
    if (text !== undefined) return isSecret ? text : text.trim();
    if (path !== undefined) return readSecretFile(name, path, cwd, report);
  }
  return null;
}

function readSecretFile(name: Name, path: string, cwd: string, report: Report): string | null {
  const expected = `the path of a file that holds ${name}`;
  const file = readSmallFile(cwd, path.trim());
  if ('problem' in file) {
    report.fault(`${name}_FILE`, file.problem, expected);
    return null;
  }
  const text = file.text.replace(/^\uFEFF/, '').replace(/[\r\n]+$/, '');
  if (text.trim() !== '') return text;
  report.fault(`${name}_FILE`, `names ${JSON.stringify(path)}, which is empty`, expected);
  return null;
}
