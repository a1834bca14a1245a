import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import pg from 'pg';
import { type App, createApp } from '../src/app.ts';
import type { Config } from '../src/config/config.ts';
import { loadConfig } from '../src/config/load.ts';
import { type Db, migrate, openEmbedded } from '../src/platform/db/index.ts';
import { openPostgres } from '../src/platform/db/postgres.ts';
import { createLog, type Logger } from '../src/platform/log.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A clock that runs like the real one, and that a test can move. */
export interface TestClock {
  now(): number;
  advance(seconds: number): void;
}

export function testClock(): TestClock {
  let shift = 0;
  return { now: () => Date.now() + shift, advance: (seconds) => void (shift += seconds * 1000) };
}

export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail where something is missing.
  body: any;
  text: string;
}

export interface CallOptions {
  body?: unknown;
  /** Sent as it is, with `type`. */
  raw?: string | Uint8Array;
  type?: string;
  bearer?: string;
  cookie?: string;
  headers?: Record<string, string>;
}

export interface TestServer {
  app: App;
  config: Config;
  clock: TestClock;
  db: Db;
  url: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Under API_PREFIX. */
  post(path: string, body?: unknown, options?: CallOptions): Promise<Answer>;
  get(path: string, options?: CallOptions): Promise<Answer>;
  /** The mails that were sent to an address, newest first. */
  mails(to: string): Promise<{ subject: string; text: string; html: string; links: string[]; codes: string[] }[]>;
  /** The token in the newest link to `path` that went to an address. */
  linkToken(to: string, path: string): Promise<string>;
  /** Registers, follows the link, signs in. */
  user(options?: { email?: string; password?: string; name?: string; session?: 'token' | 'cookie' }): Promise<TestUser>;
  admin(): Promise<TestUser>;
  audit(action?: string): Promise<{ action: string; outcome: string; subject_id: string | null; reason: string | null; detail: Record<string, unknown> | null }[]>;
  close(): Promise<void>;
}

export interface TestUser {
  id: string;
  email: string;
  password: string;
  accessToken: string;
  refreshToken: string;
  deviceToken: string;
  cookie: string;
  csrf: string;
  user: Record<string, unknown>;
}

export const PASSWORD = 'Quokka-lantern-42-violet';
export const isEmbedded = process.env.TEST_ENGINE === 'embedded';

// Registered while the file is loaded, so that it runs after the file's last test, whoever started the server.
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

let counter = 0;
export function someEmail(prefix = 'user'): string {
  return `${prefix}-${++counter}-${randomBytes(4).toString('hex')}@example.com`;
}

const secret = (): string => randomBytes(48).toString('base64url');
const secrets = {
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  JWT_REFRESH_SECRET: secret(),
  SESSION_SECRET: secret(),
  CSRF_SECRET: secret(),
};

/** A configuration as the server would read it, with limits that do not get in the way. */
export async function testConfig(env: Record<string, string> = {}): Promise<Config> {
  const cwd = mkdtempSync(join(tmpdir(), 'auth-api-test-'));
  closers.push(async () => rmSync(cwd, { recursive: true, force: true }));
  const { config } = await loadConfig({
    env: {
      NODE_ENV: 'test',
      PORT: '0',
      METRICS_PORT: '0',
      HOST: '127.0.0.1',
      PUBLIC_URL: 'http://localhost:3000',
      LOG_LEVEL: 'silent',
      LOG_FORMAT: 'json',
      RATE_LIMIT_MAX: '1000000',
      RATE_LIMIT_LOGIN: '1000000/60',
      RATE_LIMIT_USER: '1000000/60',
      ...secrets,
      ...env,
    },
    cwd,
    clock: { now: () => Date.now() },
    resolveSecret: async () => {
      throw new Error('tests use no secret store here');
    },
  });
  return config;
}

/** An empty database of its own on the engine that this run is about, migrated. */
export async function testDatabase(): Promise<{ db: Db; settings: Config['database']; drop(): Promise<void> }> {
  if (isEmbedded) {
    const db = await openEmbedded(null);
    return { db, settings: { kind: 'embedded', directory: '' }, drop: async () => undefined };
  }
  const url = process.env.TEST_DATABASE_URL;
  if (!url) throw new Error('TEST_DATABASE_URL is not set: run the tests with `npm test`');
  const name = `t_${randomBytes(8).toString('hex')}`;
  await onServer(url, `CREATE DATABASE ${name}`);
  const parts = new URL(url);
  const connection = {
    host: parts.hostname,
    port: Number(parts.port || 5432),
    database: name,
    user: decodeURIComponent(parts.username),
    password: decodeURIComponent(parts.password),
    tls: false as const,
  };
  const settings = { kind: 'postgres' as const, connection, direct: connection, poolMin: 0, poolMax: 10 };
  const db = openPostgres(settings, () => undefined);
  const drop = async () => onServer(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  return { db, settings, drop };
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

export interface ServerOptions {
  env?: Record<string, string>;
  /** Another server's, for several processes on one database. */
  on?: TestServer;
  clock?: TestClock;
  /** Where its lines go; nowhere, if nothing is said. */
  log?: Logger;
}

export async function startServer({ env = {}, on, log, clock = on?.clock ?? testClock() }: ServerOptions = {}): Promise<TestServer> {
  const own = on === undefined ? await testDatabase() : null;
  const settings = own?.settings ?? (on as TestServer).config.database;
  const db = own?.db ?? openPostgres(settings as never, () => undefined);
  const redis = isEmbedded ? {} : redisOf(process.env.TEST_REDIS_URL);
  const config = { ...(await testConfig({ ...redis, ...env })), database: settings };
  if (own) await migrate(db, settings.kind === 'postgres' ? settings : null, clock);
  const app = await createApp({ ...config, MIGRATE_ON_START: false }, { log: log ?? createLog({ config }).log, clock, db });
  const { url } = await app.listen();
  const close = once(async () => {
    await app.close();
    await own?.drop();
  });
  closers.push(close);
  return { app, config, clock, db, url: url.replace('localhost', '127.0.0.1'), close, ...actions(app, config, clock, url.replace('localhost', '127.0.0.1')) };
}

// A number of its own in Redis for every database of the run would run out: the keys carry random ids anyway.
function redisOf(url: string | undefined): Record<string, string> {
  return url ? { REDIS_URL: url } : {};
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

function actions(app: App, config: Config, _clock: TestClock, url: string): Omit<TestServer, 'app' | 'config' | 'clock' | 'db' | 'url' | 'close'> {
  const call: TestServer['call'] = async (method, path, { body, raw, type, bearer, cookie, headers = {} } = {}) => {
    const content = raw !== undefined ? raw : body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(`${url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(content === undefined ? {} : { 'content-type': type ?? 'application/json' }),
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(cookie === undefined ? {} : { cookie }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content as string }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parse(text) };
  };
  const post: TestServer['post'] = (path, body = {}, options = {}) =>
    call('POST', `${config.API_PREFIX}${path}`, { body, ...options });
  const get: TestServer['get'] = (path, options = {}) => call('GET', `${config.API_PREFIX}${path}`, options);
  const mails: TestServer['mails'] = async (to) => {
    await app.settle();
    return (await call('GET', `/dev/inbox/messages?to=${encodeURIComponent(to)}`)).body.data;
  };
  const linkToken: TestServer['linkToken'] = async (to, path) => {
    for (const mail of await mails(to)) {
      const link = mail.links.find((one) => one.includes(`${path}#token=`));
      if (link) return decodeURIComponent(link.split('#token=')[1] as string);
    }
    throw new Error(`no link to ${path} was sent to ${to}`);
  };
  const user: TestServer['user'] = async ({ email = someEmail(), password = PASSWORD, name, session = 'token' } = {}) => {
    expect(await post('/auth/register', { email, password, ...(name && { name }) }), 202);
    expect(await post('/auth/verify-email', { token: await linkToken(email, '/verify-email') }), 200);
    return signedIn(expect(await post('/auth/login', { email, password, session }), 200), email, password);
  };
  const admin: TestServer['admin'] = async () => {
    const person = await user({ email: someEmail('admin') });
    await app.house.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'admin')", [person.id]);
    return signedIn(expect(await post('/auth/login', { email: person.email, password: person.password }), 200), person.email, person.password);
  };
  const audit: TestServer['audit'] = async (action) => {
    await app.settle();
    return app.house.db.query(
      `SELECT action, outcome, subject_id, reason, detail FROM audit.events WHERE $1::text IS NULL OR action = $1 ORDER BY seq`,
      [action ?? null],
    );
  };
  return { call, post, get, mails, linkToken, user, admin, audit };
}

export function signedIn(answer: Answer, email: string, password: string): TestUser {
  const cookies = answer.headers.getSetCookie().map((line) => line.split(';')[0] as string);
  return {
    id: answer.body.user.id,
    email,
    password,
    accessToken: answer.body.access_token ?? '',
    refreshToken: answer.body.refresh_token ?? '',
    deviceToken: answer.body.device_token ?? '',
    cookie: cookies.find((one) => one.startsWith('session=')) ?? '',
    csrf: answer.body.csrf_token ?? '',
    user: answer.body.user,
  };
}

export function expect(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
