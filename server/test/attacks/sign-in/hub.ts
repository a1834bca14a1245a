import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closers } from '../../ground.ts';
import type { TestServer } from '../../kit.ts';
import { ask, done, type Reply } from './tools.ts';

/** Who comes from the provider. */
export interface Visitor {
  id: number;
  email: string;
}

const APP = 'https://app.example.com';
export const RETURN_TO = `${APP}/signed-in`;

/**
 * A provider that speaks as GitHub does, and believes everybody: the code that it gives is the visitor. It stands in the
 * settings twice: as `hub`, which gives out the mailboxes of example.com, and as `elsewhere`, which does not.
 */
export async function startHub(): Promise<Record<string, string>> {
  const hub = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => {
      const bearer = request.headers.authorization?.split(' ')[1];
      const [status, body] = answer(request.url ?? '', new URLSearchParams(text).get('code'), bearer);
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((go) => hub.listen(0, '127.0.0.1', go));
  closers.push(async () => void hub.close());
  const base_url = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`;
  const entry = { preset: 'github', base_url, client_id: 'auth-api', client_secret: randomBytes(24).toString('hex') };
  const providers = [
    { ...entry, id: 'hub', authoritative_domains: ['example.com'] },
    { ...entry, id: 'elsewhere' },
  ];
  return { OIDC_PROVIDERS: JSON.stringify(providers), CORS_ORIGIN: APP };
}

function answer(path: string, code: string | null, bearer: string | undefined): [number, unknown] {
  if (path.endsWith('/access_token')) {
    const isOurs = visitorOf(code) !== null;
    return isOurs ? [200, { access_token: code, token_type: 'bearer' }] : [400, { error: 'bad_verification_code' }];
  }
  const visitor = visitorOf(bearer ?? null);
  if (visitor === null) return [401, {}];
  if (path.endsWith('/emails')) return [200, [{ email: visitor.email, primary: true, verified: true }]];
  return [200, { id: visitor.id, name: 'Somebody' }];
}

export const codeFor = (visitor: Visitor): string => Buffer.from(JSON.stringify(visitor)).toString('base64url');

function visitorOf(code: string | null): Visitor | null {
  try {
    const visitor = JSON.parse(Buffer.from(code ?? '', 'base64url').toString());
    return typeof visitor?.id === 'number' ? visitor : null;
  } catch {
    return null;
  }
}

export interface Begun {
  provider: 'hub' | 'elsewhere';
  state: string;
  /** What stays in the browser that asked. */
  cookie: string;
  /** Where an application asked: what it keeps. */
  verifier: string;
}

/** A sign-in at the provider, begun in a browser or (`app`) for an application. */
export async function begin(
  server: TestServer,
  provider: 'hub' | 'elsewhere' = 'hub',
  { app = false }: { app?: boolean } = {},
): Promise<Begun> {
  const verifier = randomBytes(32).toString('base64url');
  const code_challenge = createHash('sha256').update(verifier).digest('base64url');
  const query = app ? `?${new URLSearchParams({ return_to: RETURN_TO, code_challenge })}` : '';
  const reply = done(await ask(server, 'GET', `${server.config.API_PREFIX}/oauth/${provider}/start${query}`), 302);
  const state = new URL(reply.headers.location as string).searchParams.get('state') as string;
  return { provider, state, cookie: reply.cookies[0]?.split(';')[0] ?? '', verifier };
}

/** The browser comes back with what the provider gave it. */
export function comeBack(server: TestServer, begun: Begun, code: string, cookie = begun.cookie): Promise<Reply> {
  const query = new URLSearchParams({ state: begun.state, code });
  return ask(server, 'GET', `/auth/callback/${begun.provider}?${query}`, { cookie });
}

/** The query that an application is given. */
export function returned(reply: Reply): URLSearchParams {
  return new URL(done(reply, 302).headers.location as string).searchParams;
}

/** The name of the cookie under which a browser keeps what belongs to a value. */
export function cookieNameOf(value: string): string {
  return `flow-${createHash('sha256').update(value).digest('hex').slice(0, 16)}`;
}

let visitors = 1000;
export const someVisitor = (email: string): Visitor => ({ id: ++visitors, email });
