import { createHash, createHmac, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { closers } from '../ground.ts';

type Claims = Record<string, unknown>;

/** How it behaves; what is not said is what a good provider does. */
export interface Behaviour {
  /** Of the person, in the ID token. */
  claims?: Claims;
  /** Claims that it leaves out. */
  without?: string[];
  alg?: 'ES256' | 'none' | 'HS256';
  kid?: string;
  /** Signs with a key that nobody published, under the published name. */
  hasForeignKey?: boolean;
  userinfo?: Claims | null;
  discovery?: Claims;
  /** Changes the parameters with which the browser is sent back. */
  answer?(params: URLSearchParams): void;
  /** Takes over one path; true where it has answered. */
  take?(path: string, request: IncomingMessage, response: ServerResponse): boolean;
  /** In its token answer. */
  token?: Claims;
  /** GitHub's API. */
  user?: unknown;
  emails?: unknown;
  /** In the form of a `form_post` answer. */
  form?: Record<string, string>;
}

export interface StandIn {
  readonly url: string;
  readonly secret: string;
  /** `METHOD path` of what our server asked for, since `calls.length` was last set to 0. */
  readonly calls: string[];
  /** The bodies that its token endpoint got. */
  readonly asked: URLSearchParams[];
  be(behaviour?: Behaviour): void;
  /** New keys; the former are gone. */
  rotate(): void;
  /** Answers nothing any more, and again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

interface Given {
  nonce: string | null;
  challenge: string | null;
  redirectUri: string | null;
  clientId: string | null;
}

export const CLIENT_ID = 'auth-api';
export const TENANT = '9122040d-6c67-4c5b-b112-36a304b66dad';

/** A provider of our own on loopback: OpenID Connect, and GitHub's endpoints, as good or as bad as a test says. */
export async function startStandIn(template = ''): Promise<StandIn> {
  let behaviour: Behaviour = {};
  let keys = newKeys();
  const foreign = newKeys();
  const codes = new Map<string, Given>();
  const calls: string[] = [];
  const asked: URLSearchParams[] = [];
  const secret = `kT8-${randomBytes(8).toString('hex')}`;
  let port = 0;
  const base = (): string => `http://127.0.0.1:${port}`;
  const issuer = (): string => base() + template.replace('{tenantid}', TENANT);

  const json = (response: ServerResponse, body: unknown, status = 200): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

  const authorize = (url: URL, response: ServerResponse): void => {
    const query = url.searchParams;
    const code = randomBytes(16).toString('hex');
    codes.set(code, {
      nonce: query.get('nonce'),
      challenge: query.get('code_challenge'),
      redirectUri: query.get('redirect_uri'),
      clientId: query.get('client_id'),
    });
    const params = new URLSearchParams({ code, state: query.get('state') ?? '' });
    behaviour.answer?.(params);
    if (query.get('response_mode') === 'form_post') {
      for (const [name, value] of Object.entries(behaviour.form ?? {})) params.set(name, value);
      // A page with a form that posts itself, for a browser without scripts: what it would post is in the fragment.
      return void response.writeHead(302, { location: `${query.get('redirect_uri')}#${params}` }).end();
    }
    response.writeHead(302, { location: `${query.get('redirect_uri')}?${params}` }).end();
  };

  const idToken = (given: Given): string => {
    const now = Math.floor(Date.now() / 1000);
    const claims: Claims = {
      iss: issuer(),
      aud: CLIENT_ID,
      sub: 'person-1',
      iat: now,
      exp: now + 300,
      nonce: given.nonce,
      ...(template === '' ? {} : { tid: TENANT }),
      ...behaviour.claims,
    };
    for (const name of behaviour.without ?? []) delete claims[name];
    return signed(claims, behaviour, behaviour.hasForeignKey === true ? { ...foreign, kid: keys.kid } : keys, secret);
  };

  const token = async (request: IncomingMessage, response: ServerResponse, isPlain: boolean): Promise<void> => {
    const body = new URLSearchParams(await text(request));
    asked.push(body);
    const extra = behaviour.token ?? {};
    if (body.get('grant_type') === 'refresh_token')
      return json(response, {
        access_token: `renewed-${randomBytes(4).toString('hex')}`,
        token_type: 'bearer',
        ...extra,
      });
    const given = codes.get(body.get('code') ?? '');
    codes.delete(body.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(body.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight =
      given !== undefined && given.challenge === challenge && given.redirectUri === body.get('redirect_uri');
    if (!isRight && isPlain) return json(response, { error: 'bad_verification_code' }); // GitHub answers 200
    if (!isRight) return json(response, { error: 'invalid_grant' }, 400);
    const answer = { access_token: `at-${randomBytes(8).toString('hex')}`, token_type: 'bearer', expires_in: 300 };
    json(response, isPlain ? { ...answer, ...extra } : { ...answer, id_token: idToken(given), ...extra });
  };

  const discovery = (): Claims => ({
    issuer: base() + template,
    authorization_endpoint: `${base()}/authorize`,
    token_endpoint: `${base()}/token`,
    jwks_uri: `${base()}/jwks`,
    ...(behaviour.userinfo === undefined ? {} : { userinfo_endpoint: `${base()}/userinfo` }),
    response_types_supported: ['code'],
    id_token_signing_alg_values_supported: ['ES256'],
    ...behaviour.discovery,
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', base());
    const path = url.pathname;
    if (!path.endsWith('/authorize')) calls.push(`${request.method} ${path}`);
    if (behaviour.take?.(path, request, response)) return;
    if (path.endsWith('/.well-known/openid-configuration')) return json(response, discovery());
    if (path.endsWith('/authorize')) return authorize(url, response);
    if (path === '/jwks') return json(response, { keys: [keys.jwk] });
    if (path === '/userinfo') return json(response, behaviour.userinfo ?? null);
    if (path === '/token') return token(request, response, false);
    if (path === '/login/oauth/access_token') return token(request, response, true);
    if (path === '/api/v3/user') return json(response, behaviour.user);
    if (path === '/api/v3/user/emails') return json(response, behaviour.emails);
    json(response, { message: 'Not Found' }, 404);
  };

  const server = createServer((request, response) => void answer(request, response).catch(() => response.destroy()));
  const listen = (): Promise<void> => new Promise((done) => server.listen(port, '127.0.0.1', done));
  await listen();
  port = (server.address() as AddressInfo).port;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    if (server.listening) await new Promise((done) => server.close(done));
  };
  closers.push(stop);
  return {
    url: base(),
    secret,
    calls,
    asked,
    be: (next = {}) => {
      behaviour = next;
    },
    rotate: () => {
      keys = newKeys();
    },
    stop,
    start: listen,
  };
}

interface Keys {
  kid: string;
  privateKey: KeyObject;
  jwk: Claims;
}

function newKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(4).toString('hex');
  return { kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'ES256' } };
}

function signed(claims: Claims, { alg = 'ES256', kid }: Behaviour, keys: Keys, secret: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = `${part({ alg, kid: kid ?? keys.kid, typ: 'JWT' })}.${part(claims)}`;
  if (alg === 'none') return `${body}.`;
  const signature =
    alg === 'HS256'
      ? createHmac('sha256', secret).update(body).digest()
      : sign('sha256', Buffer.from(body), { key: keys.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${body}.${signature.toString('base64url')}`;
}
