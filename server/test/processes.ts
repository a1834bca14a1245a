import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/run/free-port.ts';
import { atEnd, scratchFolder, until } from './programs.ts';

export const isLong = process.env.TEST_LONG === '1';
export const PASSWORD = 'Quokka-lantern-42-violet';
const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const PREFIX = '/api/v1';

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail where something is missing.
  body: any;
  ms: number;
}

export interface CallOptions {
  body?: unknown;
  bearer?: string;
  cookie?: string;
  headers?: Record<string, string>;
  /** Milliseconds; nothing is known of a request that takes longer. */
  patience?: number;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly url: string;
  readonly port: number;
  readonly env: Record<string, string>;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
  signal(signal: NodeJS.Signals): void;
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Milliseconds until it was ready. */
  ready(ms?: number): Promise<number>;
  errors(): string;
  /** The lines of its log, parsed. */
  lines(): { level: number; msg: string; [field: string]: unknown }[];
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  post(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  get(path: string, options?: CallOptions): Promise<Answer>;
}

const secret = (): string => randomBytes(48).toString('base64url');

/** What several processes of one service have in common. */
export function serviceEnv(env: Record<string, string> = {}): Record<string, string> {
  return {
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PUBLIC_URL: 'http://localhost:3000',
    ENABLE_METRICS: 'false',
    LOG_LEVEL: 'warn',
    LOG_FORMAT: 'json',
    EMAIL_SERVICE: 'inbox',
    EMAIL_VERIFICATION: 'optional',
    RATE_LIMIT_MAX: '1000000',
    RATE_LIMIT_LOGIN: '1000000/60',
    RATE_LIMIT_USER: '1000000/60',
    DATA_DIR: scratchFolder(),
    JWT_SECRET: secret(),
    JWT_REFRESH_SECRET: secret(),
    SESSION_SECRET: secret(),
    CSRF_SECRET: secret(),
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ...env,
  };
}

export async function spawnServer(
  service: Record<string, string>,
  own: Record<string, string> = {},
  main: string = MAIN,
): Promise<ServerProcess> {
  const port = await freePort();
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, PORT: `${port}`, ...service, ...own };
  // A folder of its own, so that no `.env` of the developer's is read.
  const child = spawn(process.execPath, [main, 'serve'], {
    env,
    cwd: scratchFolder(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  atEnd(() => void child.kill('SIGKILL'));
  return describe(child, port, env);
}

/** Starts and waits until it takes requests. */
export async function startServer(
  service: Record<string, string>,
  own?: Record<string, string>,
): Promise<ServerProcess> {
  const server = await spawnServer(service, own);
  await server.ready();
  return server;
}

function describe(child: ChildProcess, port: number, env: Record<string, string>): ServerProcess {
  let out = '';
  let err = '';
  child.stdout?.on('data', (text) => (out = (out + text).slice(-4_000_000)));
  child.stderr?.on('data', (text) => (err = (err + text).slice(-4_000_000)));
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((done) => {
    child.once('exit', (code, signal) => {
      exit = { code, signal };
      done(exit);
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const call: ServerProcess['call'] = (method, path, options) => request(url, method, path, options);
  return {
    url,
    port,
    env,
    pid: child.pid as number,
    exited,
    hasExited: () => exit !== undefined,
    signal: (signal) => void child.kill(signal),
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      return exited;
    },
    async ready(ms = 40_000) {
      const answers = async (): Promise<boolean> => {
        if (exit) throw new Error(`the server ended with ${exit.code ?? exit.signal}: ${err.slice(-2000)}`);
        return (await call('GET', '/ready').catch(() => null))?.status === 200;
      };
      return until(answers, ms, `${url}/ready`);
    },
    errors: () => err,
    lines: () =>
      out.split('\n').flatMap((line) => {
        if (!line.startsWith('{')) return [];
        try {
          return [JSON.parse(line)];
        } catch {
          return []; // cut off by a kill
        }
      }),
    call,
    post: (path, body = {}, options = {}) => call('POST', PREFIX + path, { body, ...options }),
    get: (path, options) => call('GET', PREFIX + path, options),
  };
}

async function request(url: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const { body, bearer, cookie, headers = {}, patience = 15_000 } = options;
  const from = performance.now();
  const response = await fetch(url + path, {
    method,
    signal: AbortSignal.timeout(patience),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(cookie === undefined ? {} : { cookie }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse(text), ms: performance.now() - from };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export interface Person {
  id: string;
  email: string;
  access: string;
  refresh: string;
  device: string;
  cookie: string;
  csrf: string;
}

export function someEmail(): string {
  return `p-${randomBytes(6).toString('hex')}@example.com`;
}

export function personOf(answer: Answer, email: string): Person {
  if (answer.status >= 300) throw new Error(`not signed in: ${answer.status} ${JSON.stringify(answer.body)}`);
  const { user, access_token, refresh_token, device_token, csrf_token } = answer.body;
  const cookie =
    answer.headers
      .getSetCookie()
      .find((line) => line.startsWith('session='))
      ?.split(';')[0] ?? '';
  return {
    id: user.id,
    email,
    access: access_token ?? '',
    refresh: refresh_token ?? '',
    device: device_token ?? '',
    cookie,
    csrf: csrf_token ?? '',
  };
}

/** A new account that is signed in at once. */
export async function register(server: ServerProcess, session: 'token' | 'cookie' = 'token'): Promise<Person> {
  const email = someEmail();
  return personOf(await server.post('/auth/register', { email, password: PASSWORD, session }), email);
}

export async function logIn(
  server: ServerProcess,
  email: string,
  session: 'token' | 'cookie' = 'token',
): Promise<Person> {
  return personOf(await server.post('/auth/login', { email, password: PASSWORD, session }), email);
}

/** The token of the newest mail to `email` with a link to `path`, from the development inbox. */
export async function linkToken(server: ServerProcess, email: string, path: string): Promise<string> {
  for (let tries = 0; tries < 150; tries++) {
    const { body } = await server.call('GET', `/dev/inbox/messages?to=${encodeURIComponent(email)}`);
    for (const mail of body.data ?? []) {
      const link = (mail.links as string[]).find((one) => one.includes(`${path}#token=`));
      if (link) return decodeURIComponent(link.split('#token=')[1] as string);
    }
    await sleep(20);
  }
  throw new Error(`no link to ${path} was sent to ${email}`);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Figures stand in the test's output, for whoever compares runs. */
export function figures(t: { diagnostic(text: string): void }, what: Record<string, number | string>): void {
  const text = Object.entries(what).map(
    ([name, value]) => `${name} ${typeof value === 'number' ? Math.round(value * 10) / 10 : value}`,
  );
  t.diagnostic(text.join(', '));
}
