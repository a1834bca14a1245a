import { Agent, request } from 'node:http';
import { type Authenticator, authenticator, type Model } from '../../authenticator.ts';
import { totpCode } from '../../factors.ts';
import { PASSWORD, someEmail, type TestServer } from '../../kit.ts';

export interface Reply {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely, and fail where something is missing.
  body: any;
  text: string;
  /** The lines of Set-Cookie. */
  cookies: string[];
  headers: Record<string, unknown>;
}

export interface Sent {
  body?: unknown;
  form?: Record<string, string>;
  bearer?: string;
  cookie?: string;
  headers?: Record<string, string>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** A request over a connection that stays open: several times as fast as `fetch`, for what asks many thousand times. */
export function ask(server: TestServer, method: string, path: string, sent: Sent = {}): Promise<Reply> {
  const { body, form, bearer, cookie, headers = {} } = sent;
  const [type, content] =
    form === undefined
      ? ['application/json', body === undefined ? undefined : JSON.stringify(body)]
      : ['application/x-www-form-urlencoded', String(new URLSearchParams(form))];
  const own = {
    ...(content === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(content) }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    ...(cookie === undefined ? {} : { cookie }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const sending = request(`${server.url}${path}`, { method, agent, headers: own }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const cookies = answer.headers['set-cookie'] ?? [];
        const parsed = text.startsWith('{') ? JSON.parse(text) : null;
        resolve({ status: answer.statusCode ?? 0, text, body: parsed, cookies, headers: answer.headers });
      });
    });
    sending.on('error', reject);
    sending.end(content);
  });
}

export function post(server: TestServer, path: string, body: unknown = {}, sent: Sent = {}): Promise<Reply> {
  return ask(server, 'POST', `${server.config.API_PREFIX}${path}`, { body, ...sent });
}

export function done(reply: Reply, ...statuses: number[]): Reply {
  const wanted = statuses.length === 0 ? [200, 201, 202, 204] : statuses;
  if (!wanted.includes(reply.status)) throw new Error(`expected ${wanted}, got ${reply.status}: ${reply.text}`);
  return reply;
}

/** `name=value` of a cookie that an answer sets. */
export function cookieOf(reply: Reply, name: string): string {
  return reply.cookies.find((line) => line.startsWith(`${name}=`))?.split(';')[0] ?? '';
}

/**
 * From here on no mail leaves this server: what would be sent is kept in a table, where it can be read with one query.
 * A walk through ten thousand sign-ins would wait for the mail worker otherwise.
 */
export async function tapMails(server: TestServer): Promise<Mailbox> {
  const { db } = server;
  await db.execute('CREATE TABLE public.kept_mail AS SELECT * FROM auth.outbox WITH NO DATA');
  await db.execute('ALTER TABLE public.kept_mail ADD COLUMN place bigserial');
  await db.execute(
    `CREATE FUNCTION public.keep_mail() RETURNS trigger LANGUAGE plpgsql AS
     $$ BEGIN INSERT INTO public.kept_mail SELECT NEW.*; RETURN NULL; END $$`,
  );
  await db.execute(
    'CREATE TRIGGER keep_mail BEFORE INSERT ON auth.outbox FOR EACH ROW EXECUTE FUNCTION public.keep_mail()',
  );
  const { encryption } = server.app.house;
  let waiting: Mail[] = [];
  const newest: Mailbox['newest'] = async (template, to) => {
    const rows = await db.query<{ template: string; payload: string }>(
      `WITH taken AS (DELETE FROM public.kept_mail RETURNING place, template, payload)
       SELECT template, payload FROM taken ORDER BY place`,
    );
    waiting.push(...rows.map((row) => mailOf(row.template, encryption.open('outbox', row.payload))));
    const found = waiting.findLast((one) => one.template === template && one.to === to);
    waiting = waiting.filter((one) => one.to !== to);
    return found;
  };
  return {
    newest,
    async takeOne(template, to) {
      const mail = await newest(template, to);
      if (mail === undefined) throw new Error(`no ${template} was sent to ${to}`);
      return mail;
    },
  };
}

function mailOf(template: string, text: string): Mail {
  const { to, data } = JSON.parse(text);
  const token = data.link?.split('#token=')[1];
  return { template, to, code: data.code, token: token === undefined ? undefined : decodeURIComponent(token) };
}

export interface Mail {
  template: string;
  to: string;
  token: string | undefined;
  code: string | undefined;
}

export interface Mailbox {
  /** The newest mail of this kind to an address; with it all that were sent there before are gone. */
  newest(template: string, to: string): Promise<Mail | undefined>;
  takeOne(template: string, to: string): Promise<Mail>;
}

export interface Person {
  id: string;
  email: string;
  access: string;
  refresh: string;
  device: string;
}

export async function register(server: TestServer): Promise<string> {
  const email = someEmail();
  done(await post(server, '/auth/register', { email, password: PASSWORD }));
  return email;
}

export async function logIn(server: TestServer, email: string, more: object = {}): Promise<Reply> {
  return done(await post(server, '/auth/login', { email, password: PASSWORD, ...more }));
}

/** Registered, verified, signed in. */
export async function someone(server: TestServer, mailbox: Mailbox): Promise<Person> {
  const email = await register(server);
  const { token } = await mailbox.takeOne('verify-email', email);
  done(await post(server, '/auth/verify-email', { token }));
  const { body } = await logIn(server, email);
  const { access_token: access, refresh_token: refresh, device_token: device } = body;
  return { id: body.user.id, email, access, refresh, device };
}

export async function addTotp(server: TestServer, { access: bearer }: Person) {
  const { secret } = done(await post(server, '/me/mfa/totp', undefined, { bearer })).body;
  const confirmed = await post(server, '/me/mfa/totp/confirm', { code: totpCode(server, secret) }, { bearer });
  return { secret: secret as string, recoveryCodes: done(confirmed).body.recovery_codes as string[] };
}

export async function addPasskey(server: TestServer, { access: bearer }: Person, model: Model = {}) {
  const key: Authenticator = authenticator(model);
  const options = done(await post(server, '/me/passkeys/options', {}, { bearer })).body;
  const { body } = done(await post(server, '/me/passkeys', key.create(options), { bearer }));
  return { key, recoveryCodes: (body.recovery_codes ?? []) as string[] };
}

export async function addMailFactor(server: TestServer, mailbox: Mailbox, { access: bearer, email }: Person) {
  const { flow } = done(await post(server, '/me/mfa/email', undefined, { bearer })).body;
  const { code } = await mailbox.takeOne('mail-code', email);
  const { body } = done(await post(server, '/me/mfa/email/confirm', { flow, code }, { bearer }));
  return { recoveryCodes: (body.recovery_codes ?? []) as string[] };
}

/** A code that was not used yet: time goes on by a step first. */
export function freshCode(server: TestServer, secret: string): string {
  server.clock.advance(30);
  return totpCode(server, secret);
}

/** Nobody is slowed down any longer by what happened before. */
export async function forgetGuesses(server: TestServer): Promise<void> {
  await server.db.execute('DELETE FROM auth.guards');
}

/** An answer that lets somebody in: tokens, a session cookie, or the CSRF token of one. */
export function isSession(reply: Reply): boolean {
  const { access_token, refresh_token, csrf_token } = reply.body ?? {};
  return (
    [access_token, refresh_token, csrf_token].some((one) => one !== undefined) ||
    reply.cookies.some((line) => /^(__Host-)?session=./.test(line) && !/Max-Age=0/.test(line))
  );
}
