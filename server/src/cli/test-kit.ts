import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { freePort } from '../../../test/run/free-port.ts';
import { atEnd, ended, scratchFolder } from '../../test/programs.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
export const PASSWORD = 'Quokka-lantern-42-violet';

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Place {
  readonly folder: string;
  readonly port: number;
  /** The real command, in a folder of its own, with nothing of this machine's settings. */
  run(words: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<Ended>;
  /** Its answer as JSON; throws where it failed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail where something is missing.
  json(words: readonly string[], options?: { input?: string; env?: Record<string, string> }): Promise<any>;
  /** A server that runs until the file ends. */
  serve(env?: Record<string, string>): Promise<{ url: string; stop(): Promise<void>; output(): string }>;
}

export async function place(settings: Record<string, string> = {}): Promise<Place> {
  const folder = scratchFolder();
  const port = await freePort();
  const env = {
    PATH: process.env.PATH ?? '',
    PORT: `${port}`,
    METRICS_PORT: '0',
    ENABLE_METRICS: 'false',
    ...settings,
  };
  const start = (words: readonly string[], more: Record<string, string> = {}): ChildProcess =>
    spawn(process.execPath, [MAIN, ...words], { cwd: folder, env: { ...env, ...more }, stdio: 'pipe' });

  const run: Place['run'] = (words, { input, env: more } = {}) => {
    const child = start(words, more);
    child.stdin?.end(input ?? '');
    const result = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name]?.setEncoding('utf8').on('data', (text) => {
        result[name] += text;
      });
    return new Promise((done) => child.once('close', (code) => done({ code, ...result })));
  };
  return {
    folder,
    port,
    run,
    async json(words, options) {
      const { code, stdout, stderr } = await run([...words, '--json'], options);
      if (code !== 0) throw new Error(`auth-api ${words.join(' ')}: ${code}\n${stderr}${stdout}`);
      return JSON.parse(stdout);
    },
    async serve(more) {
      const child = start(['serve'], more);
      let output = '';
      child.stderr?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
      atEnd(() => ended(child, 'SIGKILL'));
      await new Promise<void>((ready, failed) => {
        child.stdout?.setEncoding('utf8').on('data', (text: string) => {
          output += text;
          if (output.includes('auth-api is ready') || output.includes('"serving"')) ready();
        });
        child.once('close', (code) => failed(new Error(`the server ended with ${code}: ${output}`)));
      });
      return { url: `http://127.0.0.1:${port}`, stop: () => ended(child, 'SIGTERM'), output: () => output };
    },
  };
}

export async function post(
  url: string,
  body: unknown,
  bearer?: string,
): Promise<{ status: number; body: Record<string, string> }> {
  const headers = { 'content-type': 'application/json', ...(bearer && { authorization: `Bearer ${bearer}` }) };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: answer.status, body: (await answer.json().catch(() => ({}))) as Record<string, string> };
}

/** The database server of this run of tests. */
export const SERVER = process.env.TEST_DATABASE_URL ?? '';

/** The URL of a new database, dropped at the end. */
export async function newDatabase(): Promise<string> {
  const name = `cli_${randomBytes(6).toString('hex')}`;
  const on = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: SERVER });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  await on(`CREATE DATABASE ${name}`);
  atEnd(() => on(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return Object.assign(new URL(SERVER), { pathname: `/${name}` }).href;
}
