import { randomBytes } from 'node:crypto';
import { chmodSync, constants, copyFileSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readSmallFile, reasonOf } from './files.ts';
import type { Report } from './report.ts';
import type { Name } from './table.ts';

/** What the server makes for itself outside production, so that nobody has to invent a secret to try it out. */
export const MADE = [
  'ENCRYPTION_KEY',
  'JWT_REFRESH_SECRET',
  'SESSION_SECRET',
  'CSRF_SECRET',
] as const satisfies readonly Name[];

type DevSecrets = Readonly<Record<(typeof MADE)[number], string>>;

const FILE = 'dev-secrets.json';
const EXPECTED = `the file as the server made it; without it new secrets are made, sessions end, and what the old key encrypted is lost`;

/**
 * Reads the secrets in `dataDir`, or makes them. Several processes may start at once: the file appears whole under
 * its name or not at all, the first wins, and the others take what it wrote.
 */
export function readDevSecrets(
  cwd: string,
  dataDir: string,
  report: Report,
  log: (text: string) => void,
): DevSecrets | null {
  const directory = resolve(cwd, dataDir);
  const path = join(directory, FILE);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (create(directory, path)) log(`made development secrets in ${path}`);
    return read(path, report);
  } catch (error) {
    report.fault(
      'DATA_DIR',
      `names ${JSON.stringify(directory)}, where the development secrets cannot be kept: it ${reasonOf(error)}`,
      'a directory that the server can write',
    );
    return null;
  }
}

/** Whether this process made the file. */
function create(directory: string, path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })) return false;
  const draft = join(directory, `.${FILE}.${randomBytes(8).toString('hex')}`);
  try {
    writeFileSync(draft, `${JSON.stringify(makeSecrets(), null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    return publish(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
}

function publish(draft: string, path: string): boolean {
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
  }
  return copyExclusively(draft, path);
}

/** Where the file system knows no hard links, as on some mounts into containers. */
function copyExclusively(draft: string, path: string): boolean {
  try {
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
    chmodSync(path, 0o600);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function makeSecrets(): DevSecrets {
  const secret = (): string => randomBytes(48).toString('base64url');
  return {
    ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
    JWT_REFRESH_SECRET: secret(),
    SESSION_SECRET: secret(),
    CSRF_SECRET: secret(),
  };
}

function read(path: string, report: Report): DevSecrets | null {
  const file = readSmallFile('/', path);
  if ('problem' in file) {
    report.fault(
      'DATA_DIR',
      `holds development secrets, but ${FILE} ${file.problem.replace(/^names .*, which /, '')}`,
      EXPECTED,
    );
    return null;
  }
  if (process.platform !== 'win32' && (file.mode & 0o077) !== 0) {
    chmodSync(path, 0o600);
    report.warn(`${path} could be read by others; its mode is 0600 again`);
  }
  const parsed = parse(file.text);
  const isWhole = parsed !== null && MADE.every((name) => typeof parsed[name] === 'string' && parsed[name] !== '');
  if (isWhole) return parsed as DevSecrets;
  report.fault('DATA_DIR', `holds a ${FILE} that is damaged or incomplete`, EXPECTED);
  return null;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
