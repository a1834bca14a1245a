import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

export type Engine = 'postgres' | 'embedded';

/** One test file in one process. `engine` is null where the file is about neither database. */
export interface Job {
  readonly file: string;
  readonly engine: Engine | null;
  readonly isLong: boolean;
  readonly needs: Needs;
}

export interface Needs {
  /** A PostgreSQL and a Redis to connect to. */
  readonly servers: boolean;
  /** The programs themselves, to start servers that can be killed. */
  readonly programs: boolean;
  readonly chromium: boolean;
  /** shellcheck and promtool, for what is in deploy/. */
  readonly tools: boolean;
}

export interface Selection {
  readonly paths: readonly string[];
  readonly long: boolean;
  readonly engine: Engine | null;
}

const FOLDERS = ['server/src', 'server/test', 'test', 'deploy/test'];
const KIT = /\bfrom\s+['"][^'"]*\/kit(?:\.ts|\/[^'"]*)?['"]/;
const PROGRAMS = /\bTEST_(?:PG_BIN|REDIS_SERVER)\b/;
const SERVERS = /\bTEST_(?:DATABASE_URL|REDIS_URL|PG_BIN|REDIS_SERVER)\b/;
const CHROMIUM = /\bTEST_CHROMIUM\b|kit\/browser/;
const CHOICE = /^\/\/ engines:\s*(.+)$/m;

export function isEngine(text: string): text is Engine {
  return text === 'postgres' || text === 'embedded';
}

/** Slow ones first, so that the run does not end with one process waiting for a long file. */
export function listJobs(root: string, { paths, long, engine }: Selection): Job[] {
  const wanted = paths.map((path) => path.replace(/^\.\//, '').replace(`${root}${sep}`, ''));
  return FOLDERS.flatMap((folder) => testFiles(join(root, folder)))
    .map((path) => relative(root, path).split(sep).join('/'))
    .filter((file) => (wanted.length === 0 ? true : wanted.some((path) => file.includes(path))))
    .filter((file) => !long || isLongFile(file))
    .flatMap((file) => jobsOf(file, readFileSync(join(root, file), 'utf8'), helpersOf(join(root, file))))
    .filter((job) => engine === null || job.engine === engine)
    .sort((a, b) => weight(b) - weight(a) || a.file.localeCompare(b.file));
}

/** A file runs once on each engine it names in `// engines: …`; without that line on both where it uses the kit. */
export function jobsOf(file: string, text: string, helpers = ''): Job[] {
  const usesKit = KIT.test(text);
  const whole = text + helpers;
  const needs = {
    servers: usesKit || SERVERS.test(whole),
    programs: PROGRAMS.test(whole),
    chromium: CHROMIUM.test(whole),
    tools: file.startsWith('deploy/'),
  };
  const choice = CHOICE.exec(text.slice(0, 600))?.[1]?.trim();
  const named = choice?.split(/[\s,]+/) ?? (usesKit ? ['postgres', 'embedded'] : [needs.servers ? 'postgres' : 'none']);
  const unknown = named.find((name) => name !== 'none' && !isEngine(name));
  if (unknown)
    throw new Error(`${file}: \`// engines: ${choice}\` names ${unknown}; it may name postgres, embedded or none.`);
  return named.map((name) => ({ file, engine: isEngine(name) ? name : null, isLong: isLongFile(file), needs }));
}

/** The text of the test helpers that a file imports, directly or through each other: they may be what needs a server. */
function helpersOf(path: string, seen: Set<string> = new Set([path])): string {
  const imports = readFileSync(path, 'utf8').matchAll(/\bfrom\s+['"](\.[^'"]*)['"]/g);
  return [...imports]
    .map(([, specifier = '']) => resolve(dirname(path), specifier))
    .filter(
      (helper) => /\btest\b|\bkit\b/.test(relative(process.cwd(), helper)) && existsSync(helper) && !seen.has(helper),
    )
    .map((helper) => {
      seen.add(helper);
      return readFileSync(helper, 'utf8') + helpersOf(helper, seen);
    })
    .join('');
}

function isLongFile(file: string): boolean {
  return file.endsWith('.long.test.ts');
}

function weight(job: Job): number {
  return (job.isLong ? 4 : 0) + (job.needs.chromium ? 2 : 0) + (job.needs.servers ? 1 : 0);
}

function testFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return testFiles(path);
    return /\.test\.(?:ts|mts|mjs|js)$/.test(entry.name) ? [path] : [];
  });
}
