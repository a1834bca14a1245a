import { randomBytes } from 'node:crypto';
import { type App, createApp } from '../src/app.ts';
import type { Config } from '../src/config/config.ts';
import { type Db, migrate } from '../src/platform/db/index.ts';
import { openPostgres } from '../src/platform/db/postgres.ts';
import { createLog, type Log, type Logger } from '../src/platform/log.ts';
import { closers, isEmbedded, type TestClock, testClock, testConfig, testDatabase } from './ground.ts';

export { testClock, testConfig, testDatabase } from './ground.ts';

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
  audit(action?: string): Promise<
    {
      action: string;
      outcome: string;
      subject_id: string | null;
      reason: string | null;
      detail: Record<string, unknown> | null;
    }[]
  >;
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

let counter = 0;
export function someEmail(prefix = 'user'): string {
  return `${prefix}-${++counter}-${randomBytes(4).toString('hex')}@example.com`;
}

export interface ServerOptions {
  env?: Record<string, string>;
  /** Another server's, for several processes on one database. */
  on?: TestServer;
  clock?: TestClock;
  /** Where its lines go; nowhere, if nothing is said. */
  log?: Logger;
}

export async function startServer({
  env = {},
  on,
  log,
  clock = on?.clock ?? testClock(),
}: ServerOptions = {}): Promise<TestServer> {
  const own = on === undefined ? await testDatabase() : null;
  const settings = own?.settings ?? (on as TestServer).config.database;
  const db = own?.db ?? openPostgres(settings as never, () => undefined);
  const redis = isEmbedded ? {} : redisOf(process.env.TEST_REDIS_URL);
  const config = { ...(await testConfig({ ...redis, ...env })), database: settings };
  if (own) await migrate(db, settings.kind === 'postgres' ? settings : null, clock);
  const logs = log === undefined ? createLog({ config }) : null;
  const app = await createApp({ ...config, MIGRATE_ON_START: false }, { log: log ?? (logs as Log).log, clock, db });
  const close = once(async () => {
    await app.close();
    await logs?.close();
    await own?.drop();
  });
  closers.push(close); // before it listens: a start that fails must leave nothing open
  const { url } = await app.listen();
  return {
    app,
    config,
    clock,
    db,
    url: url.replace('localhost', '127.0.0.1'),
    close,
    ...actions(app, config, clock, url.replace('localhost', '127.0.0.1')),
  };
}

// A number of its own in Redis for every database of the run would run out: the keys carry random ids anyway.
function redisOf(url: string | undefined): Record<string, string> {
  return url ? { REDIS_URL: url } : {};
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

function actions(
  app: App,
  config: Config,
  _clock: TestClock,
  url: string,
): Omit<TestServer, 'app' | 'config' | 'clock' | 'db' | 'url' | 'close'> {
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
  const user: TestServer['user'] = async ({
    email = someEmail(),
    password = PASSWORD,
    name,
    session = 'token',
  } = {}) => {
    expect(await post('/auth/register', { email, password, ...(name && { name }) }), 202);
    expect(await post('/auth/verify-email', { token: await linkToken(email, '/verify-email') }), 200);
    return signedIn(expect(await post('/auth/login', { email, password, session }), 200), email, password);
  };
  const admin: TestServer['admin'] = async () => {
    const person = await user({ email: someEmail('admin') });
    await app.house.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'admin')", [person.id]);
    return signedIn(
      expect(await post('/auth/login', { email: person.email, password: person.password }), 200),
      person.email,
      person.password,
    );
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

/**
 * Until what happened to these users and sessions lies behind the change feed, so that the server remembers them from
 * the next request on: an open transaction anywhere in the PostgreSQL cluster, another test's too, keeps it before it.
 */
export async function untilRemembered(server: TestServer, subjects: readonly string[]): Promise<void> {
  const { changes } = server.app.house;
  for (let tries = 0; tries < 200 && !changes.stands(changes.position(), subjects); tries++) {
    await new Promise((go) => setTimeout(go, 50));
    await changes.refresh();
  }
}

export function sessionIdOf(accessToken: string): string {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] as string, 'base64url').toString()).sid;
}
