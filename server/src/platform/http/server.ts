import type { SecureContextOptions } from 'node:tls';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { parseJsonStrictly } from '../../lib/json.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../clock.ts';
import { createAddressReader } from './address.ts';
import { createGuard, type GuardDeps } from './guard.ts';
import { isJson } from './media-type.ts';
import { refusalOf, sendProblem } from './problem.ts';
import type { RouteRules } from './route.ts';
import { compileValidator } from './validation.ts';

export type HttpApp = FastifyInstance;
/** The same app with the request types that TypeBox schemas give. */
export function typed(app: FastifyInstance) {
  return app.withTypeProvider<TypeBoxTypeProvider>();
}

export interface HttpDeps extends Omit<GuardDeps, 'config'> {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tls: SecureContextOptions | null;
  /** False while the process drains: answers then ask the client to connect anew, elsewhere. */
  isServing(): boolean;
  onResponse(method: string, route: string, status: number, seconds: number): void;
}

export interface CollectedRoute {
  method: string;
  url: string;
  rules: RouteRules;
  schema: Record<string, unknown>;
}

const BODY_LIMIT = 64 * 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const USER_AGENT_MAX = 256;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/** The HTTP edge: everything that is true of every request, before and after its feature. */
export function createHttp(deps: HttpDeps): { app: FastifyInstance; routes: CollectedRoute[] } {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: 200 },
    requestTimeout: 15_000,
    keepAliveTimeout: 75_000,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidv7(deps.clock.now());
    },
    frameworkErrors: (error, request, reply) => {
      request.from ??= originOf(request);
      fail(error, request as FastifyRequest, reply as FastifyReply);
    },
    clientErrorHandler: (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    },
    ...(deps.tls === null ? {} : { https: deps.tls }),
  }) as unknown as FastifyInstance;

  const readAddress = createAddressReader(deps.config.TRUSTED_PROXIES);
  const originOf = (request: { id: string; raw: FastifyRequest['raw']; headers: FastifyRequest['headers'] }) => ({
    requestId: request.id,
    address: readAddress(request.raw.socket.remoteAddress ?? '', request.headers['x-forwarded-for']),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_MAX).replace(CONTROL, ' '),
    now: deps.clock.now(),
  });
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const refusal = refusalOf(error);
    if (refusal === null) deps.log.error({ request_id: request.id, err: error }, 'unexpected error');
    else if (refusal.status >= 500) deps.log.warn({ request_id: request.id, err: refusal.cause }, refusal.message);
    sendProblem(request, reply, refusal ?? new Refusal('internal_error'));
  };

  const { routes, methodsOf } = collectRoutes(app);
  const guard = createGuard(deps);
  const headers = securityHeaders(deps.config);
  const cors = corsHeaders(deps.config);
  app.decorateRequest('from', null as never);
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request, reply) => {
    request.from = originOf(request);
    reply.headers(headers);
    reply.header('x-request-id', request.id);
    if (!deps.isServing()) reply.header('connection', 'close');
    if (!request.url.startsWith('/dev/')) cors(request, reply);
    if (request.method === 'OPTIONS') return reply.code(204).send();
    if (request.is404) return;
    await guard(request, reply);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched');
    deps.onResponse(request.method, route, reply.statusCode, reply.elapsedTime / 1000);
    deps.log.info(
      {
        request_id: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime * 10) / 10,
        address: request.from?.address,
        user_id: request.principal?.user.id,
      },
      'request',
    );
    done();
  });

  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      if (!isJson(request.raw.headersDistinct['content-type'])) throw new Refusal('unsupported_media_type');
      done(null, parseJsonStrictly(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
  app.setValidatorCompiler(compileValidator as never);
  app.setSchemaErrorFormatter((errors) => errors as unknown as Error);
  app.setErrorHandler((error, request, reply) => fail(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(request.url);
    if (allowed.length === 0) return fail(new Refusal('not_found'), request, reply);
    fail(new Refusal('method_not_allowed', { headers: { allow: [...allowed, 'OPTIONS'].join(', ') } }), request, reply);
  });
  return { app, routes };
}

/** Deny by default: every route says who may call it, or the server does not start. */
function collectRoutes(app: FastifyInstance): { routes: CollectedRoute[]; methodsOf(url: string): string[] } {
  const routes: CollectedRoute[] = [];
  const patterns: { method: string; pattern: RegExp }[] = [];
  app.addHook('onRoute', (route: RouteOptions) => {
    const rules = route.config as RouteRules | undefined;
    for (const method of [route.method].flat()) {
      if (rules?.access === undefined) throw new Error(`${method} ${route.url} declares no access: it cannot start`);
      routes.push({ method, url: route.url, rules, schema: (route.schema ?? {}) as Record<string, unknown> });
      const pattern = route.url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[a-z_]+/g, '[^/]+');
      patterns.push({ method, pattern: new RegExp(`^${pattern}$`) });
    }
  });
  const methodsOf = (url: string): string[] => {
    const path = url.split('?')[0] as string;
    return patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  };
  return { routes, methodsOf };
}

function securityHeaders(config: Config): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    ...(config.PUBLIC_URL.startsWith('https:')
      ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' }
      : {}),
  };
}

/** CORS (Fetch standard): an allowed origin is named, never a wildcard where credentials are allowed. */
function corsHeaders(config: Config): (request: FastifyRequest, reply: FastifyReply) => void {
  const any = config.CORS_ORIGIN.includes('*');
  const allowed = new Set(config.CORS_ORIGIN);
  return (request, reply) => {
    const { origin } = request.headers;
    if (any || allowed.size > 0) reply.header('vary', 'Origin');
    if (origin === undefined || !(any || allowed.has(origin))) return;
    reply.header('access-control-allow-origin', any && !allowed.has(origin) ? '*' : origin);
    if (allowed.has(origin)) reply.header('access-control-allow-credentials', 'true');
    reply.header('access-control-expose-headers', 'X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, ETag');
    if (request.method !== 'OPTIONS') return;
    reply.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
    reply.header('access-control-allow-headers', 'Authorization, Content-Type, X-CSRF-Token, Idempotency-Key, If-Match');
    reply.header('access-control-max-age', '600');
  };
}
