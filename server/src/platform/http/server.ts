import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { parseJsonStrictly } from '../../lib/json.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../clock.ts';
import { type Logger, requestLog } from '../log.ts';
import { createAddressReader } from './address.ts';
import { answerClientError, dropPending, isAwaited, keepPending, type Pending, refuseTunnel } from './client-error.ts';
import { type CollectedRoute, collectRoutes } from './collected.ts';
import { createGuard, type GuardDeps } from './guard.ts';
import { corsHeaders, securityHeaders } from './headers.ts';
import { isJson } from './media-type.ts';
import { refusalOf, sendProblem } from './problem.ts';
import { compileSerializer } from './serialization.ts';
import { compileValidator, refuseStrayBody } from './validation.ts';

export type { CollectedRoute } from './collected.ts';

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
  onLimited(policy: string): void;
}

const BODY_LIMIT = 64 * 1024;
const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;
const USER_AGENT_MAX = 256;
const CONTROL = /\p{Cc}/gu;

/** The HTTP edge: everything that is true of every request, before and after its feature. */
export function createHttp(deps: HttpDeps): { app: FastifyInstance; routes: CollectedRoute[] } {
  const originOf = originReader(deps);
  const headers = securityHeaders(deps.config);
  const cors = corsHeaders(deps.config);
  const guard = createGuard(deps);
  const observe = observer(deps);
  // Every hook is synchronous where its answer is: a promise for each costs more than what most of them do.
  const begin = (request: FastifyRequest, reply: FastifyReply): void => {
    request.from = originOf(request);
    reply.headers(headers);
    reply.header('x-request-id', request.id);
    if (!deps.isServing()) reply.header('connection', 'close');
  };
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const refusal = refusalOf(error);
    if (refusal === null) deps.log.error({ request_id: request.id, err: error }, 'unexpected error');
    else if (refusal.status >= 500) deps.log.warn({ request_id: request.id, err: refusal.cause }, refusal.message);
    if (refusal?.code === 'rate_limited') deps.onLimited(refusal.options.policy ?? 'unknown');
    sendProblem(request, reply, refusal ?? new Refusal('internal_error'));
  };
  const pending: Pending = new WeakMap();
  const app = openFastify(deps, pending, (error, request, reply) => {
    begin(request, reply); // the router gave up before any hook ran
    fail(error, request, reply);
    observe(request, reply, 'unmatched');
  });

  const { routes, methodsOf } = collectRoutes(app);
  app.decorateRequest('from', null as never);
  app.decorateRequest('principal', null);
  app.addHook('onRequest', (request, reply, done) => {
    begin(request, reply);
    keepPending(pending, reply);
    requireOneHost(request);
    // By the route that matched, not by how its path was spelled.
    if (!request.routeOptions.url?.startsWith('/dev/')) cors(request, reply);
    if (request.method === 'OPTIONS') {
      const allowed = methodsOf(request.url);
      if (allowed.length === 0 && request.url !== '*') throw new Refusal('not_found');
      void reply
        .header('allow', [...allowed, 'OPTIONS'].join(', '))
        .code(204)
        .send();
      return;
    }
    const guarding = guard(request, reply);
    if (guarding === undefined) done();
    else guarding.then(() => done(), done);
  });
  app.addHook('preValidation', (request, _reply, done) => {
    refuseStrayBody(request);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    dropPending(pending, reply);
    observe(request, reply, request.is404 ? 'unmatched' : (request.routeOptions.url ?? 'unmatched'));
    done();
  });
  readBodies(app);
  app.setValidatorCompiler(compileValidator as never);
  app.setSerializerCompiler(compileSerializer);
  app.setSchemaErrorFormatter((errors) => errors as unknown as Error);
  app.setErrorHandler((error, request, reply) => fail(error, request, reply));
  app.setNotFoundHandler((request, reply) => {
    const allowed = methodsOf(request.url);
    if (allowed.length === 0) return fail(new Refusal('not_found'), request, reply);
    fail(new Refusal('method_not_allowed', { headers: { allow: [...allowed, 'OPTIONS'].join(', ') } }), request, reply);
  });
  return { app, routes };
}

function openFastify(
  deps: HttpDeps,
  pending: Pending,
  frameworkErrors: (error: unknown, request: FastifyRequest, reply: FastifyReply) => void,
): FastifyInstance {
  const newId = (): string => uuidv7(deps.clock.now());
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: 200 },
    requestTimeout: 15_000,
    keepAliveTimeout: 75_000,
    return503OnClosing: false,
    exposeHeadRoutes: true,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : newId();
    },
    frameworkErrors: (error, request, reply) =>
      frameworkErrors(error, request as unknown as FastifyRequest, reply as unknown as FastifyReply),
    clientErrorHandler: (error, socket) => {
      const requestId = newId();
      const status = answerClientError(error, socket, requestId, isAwaited(pending, socket));
      if (status === null) return;
      deps.onResponse('unknown', 'unmatched', status, 0);
      deps.log.info({ request_id: requestId, route: 'unmatched', status, reason: error.code }, 'request');
    },
    // A request without Host gets an answer of the one shape (`onRequest`), not the parser's empty one.
    ...(deps.tls === null
      ? { http: { requireHostHeader: false } }
      : { https: { ...deps.tls, requireHostHeader: false } }),
  }) as unknown as FastifyInstance;
  // `Expect: 100-continue` is answered by Node; there is no other expectation (RFC 9110, section 10.1.1), and one that
  // we do not know is no reason to refuse a request that we do.
  app.server.on('checkExpectation', (request, response) => app.routing(request, response));
  app.server.on('connect', (_request, socket: Socket) => refuseTunnel(socket, newId()));
  return app;
}

function originReader({ config, clock }: HttpDeps): (request: FastifyRequest) => RequestOrigin {
  const readAddress = createAddressReader(config.TRUSTED_PROXIES);
  return (request) => ({
    requestId: request.id,
    address: readAddress(request.raw.socket.remoteAddress ?? '', request.headers['x-forwarded-for']),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, USER_AGENT_MAX).replace(CONTROL, ' '),
    now: clock.now(),
  });
}

// RFC 9112, section 3.2: without Host, or with two of them, nobody can say whom the request is for.
function requireOneHost({ raw }: FastifyRequest): void {
  const count = countHeaders(raw, 'host');
  if (count === 1 || (count === 0 && raw.httpVersion === '1.0')) return;
  throw new Refusal('malformed_request', { detail: 'There must be one Host header.' });
}

/** How often a request has a header; `headersDistinct` would sort all of them for the one. */
function countHeaders({ rawHeaders }: IncomingMessage, header: string): number {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (name.length === header.length && name.toLowerCase() === header) count += 1;
  }
  return count;
}

function observer({ config, log, onResponse }: HttpDeps) {
  const write = requestLog(log);
  return (request: FastifyRequest, reply: FastifyReply, route: string): void => {
    const { elapsedTime, statusCode } = reply;
    onResponse(request.method, route, statusCode, elapsedTime / 1000);
    // Probes ask every few seconds: as long as all is well, that is no news.
    const isProbe = route === config.HEALTH_CHECK_PATH || route === config.READY_CHECK_PATH;
    write(isProbe && statusCode < 400 ? 'debug' : 'info', {
      request_id: request.id,
      method: request.method,
      route,
      status: statusCode,
      duration_ms: Math.round(elapsedTime * 10) / 10,
      address: request.from?.address,
      user_id: request.principal?.user.id,
    });
  };
}

function readBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    try {
      // Node drops a second Content-Type silently; two of them are no statement at all.
      const isOne = countHeaders(request.raw, 'content-type') === 1;
      if (!isOne || !isJson(request.headers['content-type'])) throw new Refusal('unsupported_media_type');
      // Clients name the type of a body that they then leave out: that is no body.
      done(null, body.length === 0 ? undefined : parseJsonStrictly(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}
