import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config, RateLimit } from '../../config/config.ts';
import { equal } from '../../lib/bytes.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../clock.ts';
import { addressKey } from './address.ts';
import { type CookieNames, readCookie } from './cookies.ts';
import { may, type Principal, type PrincipalUser } from './principal.ts';
import type { RouteRules } from './route.ts';

export interface GuardDeps {
  readonly config: Pick<
    Config,
    'PUBLIC_URL' | 'CORS_ORIGIN' | 'REAUTH_WITHIN' | 'rateLimitAddress' | 'RATE_LIMIT_LOGIN' | 'RATE_LIMIT_USER'
  >;
  readonly clock: Clock;
  readonly cookies: CookieNames;
  /** Throws a Refusal (401, or 503 where nobody can say) for a credential that does not stand. */
  authenticate(credential: { bearer?: string; cookie?: string }): Principal | Promise<Principal>;
  csrfTokens(sessionId: string): string[];
  /** The second factors of a user, in the order in which they are offered. */
  factorsOf(user: PrincipalUser): readonly string[];
  /** Whether policy wants a second factor that the account does not have, and the time to enrol it is over. */
  lacksFactor(user: PrincipalUser): boolean;
  /** Counts now, with what other processes counted. */
  countNow(policy: string, key: string, limit: RateLimit): Promise<LimitState>;
  /** Counts here, and agrees with the other processes within a second. */
  count(policy: string, key: string, limit: RateLimit): LimitState;
}

export interface LimitState {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until the window ends. */
  readonly reset: number;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
// Looking for what is not there counts as any other request.
const UNMATCHED: RouteRules = { access: 'public' };

/**
 * Answers before any body is read: origin, credential, limits, access, CSRF, freshness, in this order. At once where
 * memory knows the session; else by a promise.
 */
export function createGuard(deps: GuardDeps): (request: FastifyRequest, reply: FastifyReply) => void | Promise<void> {
  const { config } = deps;
  const origins = new Set([config.PUBLIC_URL, ...config.CORS_ORIGIN]);
  const anyOrigin = config.CORS_ORIGIN.includes('*');

  const checkOrigin = (request: FastifyRequest): void => {
    const { origin } = request.headers;
    const site = request.headers['sec-fetch-site'];
    if (origin !== undefined ? origins.has(origin) || anyOrigin : site === undefined || isOwnSite(site)) return;
    throw new Refusal('origin_not_allowed');
  };

  const requireFresh = (principal: Principal, fresh: true | 'factor'): void => {
    const since = deps.clock.now() - config.REAUTH_WITHIN * 1000;
    const factors = fresh === 'factor' ? deps.factorsOf(principal.user) : [];
    if (factors.length > 0 && (principal.factorAt ?? 0) < since) {
      throw new Refusal('reauthentication_required', { detail: 'It takes a second factor.', factors });
    }
    if (principal.authenticatedAt < since) throw new Refusal('reauthentication_required');
  };

  /** What is known of the caller by now; throws the refusal. */
  const admit = (request: FastifyRequest, reply: FastifyReply, rules: RouteRules, failure: Refusal | null): void => {
    if (rules.limits !== 'none' && rules.limits !== 'login' && rules.limits !== 'user-later') {
      const [policy, key, rule] = request.principal
        ? (['user', request.principal.user.id, config.RATE_LIMIT_USER] as const)
        : (['address', addressKey(request.from.address), config.rateLimitAddress] as const);
      limit(reply, policy, rule, deps.count(policy, key, rule));
    }

    // Where nobody can say whether a credential stands, what was asked with it is not refused as if it did not.
    if (failure !== null && failure.status >= 500) throw failure;
    if (rules.access === 'public') return;
    if (failure !== null) throw failure;
    const principal = requireSession(request);
    const unsafe = !SAFE.has(request.method);
    if (unsafe) requireCsrf(request, principal, deps.csrfTokens);
    if (principal.impersonator !== null && unsafe && !rules.impersonated) {
      throw new Refusal('forbidden', { detail: 'Not while acting as another user.' });
    }
    if (!rules.withoutFactor && principal.impersonator === null && deps.lacksFactor(principal.user))
      throw new Refusal('mfa_enrollment_required');
    if (typeof rules.access === 'object' && !may(principal, rules.access.permission)) throw new Refusal('forbidden');
    if (rules.fresh) requireFresh(principal, rules.fresh);
  };

  const identified = (request: FastifyRequest, reply: FastifyReply, rules: RouteRules): void | Promise<void> => {
    // What is never counted must cost nothing: no credential is looked up where nobody minds it.
    if (rules.limits === 'none' && rules.access === 'public') return;
    const failure = identify(request, deps);
    if (failure instanceof Promise) return failure.then((known) => admit(request, reply, rules, known));
    admit(request, reply, rules, failure);
  };

  return (request, reply) => {
    const rules = request.is404 ? UNMATCHED : (request.routeOptions.config as RouteRules);
    if (rules.origin !== 'any' && !SAFE.has(request.method)) checkOrigin(request);
    if (rules.limits !== 'login') return identified(request, reply, rules);
    const key = addressKey(request.from.address);
    return deps.countNow('login', key, config.RATE_LIMIT_LOGIN).then((state) => {
      limit(reply, 'login', config.RATE_LIMIT_LOGIN, state);
      return identified(request, reply, rules);
    });
  };
}

export function requireSession(request: FastifyRequest): Principal {
  if (request.principal === null) throw new Refusal('unauthenticated');
  return request.principal;
}

/** Sets `request.principal`; gives the refusal where a credential was sent that does not stand, for routes that mind. */
function identify(request: FastifyRequest, deps: GuardDeps): Refusal | null | Promise<Refusal | null> {
  const bearer = readBearer(request.headers.authorization);
  const cookie = readCookie(request.headers.cookie, deps.cookies.session);
  if (bearer === undefined && cookie === undefined) return null;
  const stands = (principal: Principal): null => {
    request.principal = principal;
    return null;
  };
  try {
    const found = deps.authenticate(bearer === undefined ? { cookie: cookie as string } : { bearer });
    if (found instanceof Promise || (bearer !== undefined && cookie !== undefined)) {
      return agreed(found, bearer === undefined ? undefined : cookie, deps).then(stands, refusalOnly);
    }
    return stands(found);
  } catch (error) {
    return refusalOnly(error);
  }
}

function refusalOnly(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  throw error;
}

async function agreed(
  found: Principal | Promise<Principal>,
  cookie: string | undefined,
  deps: GuardDeps,
): Promise<Principal> {
  const principal = await found;
  if (cookie !== undefined) await refuseConflict(principal, cookie, deps);
  return principal;
}

// Two credentials that name two sessions: nobody can say for whom the request speaks (TOK-14).
async function refuseConflict(principal: Principal, cookie: string, deps: GuardDeps): Promise<void> {
  const other = await standing(() => deps.authenticate({ cookie }));
  if (other !== null && other.sessionId !== principal.sessionId) {
    throw new Refusal('malformed_request', { detail: 'The bearer token and the cookie belong to different sessions.' });
  }
}

/** Null for a credential that does not stand; that nobody can say whether it does remains an error. */
async function standing(authenticate: () => Principal | Promise<Principal>): Promise<Principal | null> {
  try {
    return await authenticate();
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return null;
    throw error;
  }
}

function readBearer(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  // Any other scheme or form is a credential that does not stand; what a token consists of is the verifier's affair.
  return header.slice(0, 7).toLowerCase() === 'bearer ' ? header.slice(7) : '';
}

/** Cookie sessions prove with `X-CSRF-Token` that the page could read an answer of ours; others prove it by their token. */
export function requireCsrf(request: FastifyRequest, principal: Principal, tokensOf: GuardDeps['csrfTokens']): void {
  if (principal.kind !== 'cookie') return;
  const sent = request.headers['x-csrf-token'];
  const bytes = Buffer.from(typeof sent === 'string' ? sent : '');
  if (!tokensOf(principal.sessionId).some((token) => equal(Buffer.from(token), bytes)))
    throw new Refusal('csrf_invalid');
}

function isOwnSite(site: string | string[]): boolean {
  return site === 'same-origin' || site === 'none';
}

/** Draft RateLimit header fields (draft-ietf-httpapi-ratelimit-headers), and the refusal when the policy is exhausted. */
export function limit(reply: FastifyReply, policy: string, rule: RateLimit, state: LimitState): void {
  reply.header('ratelimit-policy', `"${policy}";q=${rule.max};w=${rule.seconds}`);
  reply.header('ratelimit', `"${policy}";r=${Math.max(0, state.remaining)};t=${state.reset}`);
  if (!state.allowed) throw new Refusal('rate_limited', { policy, retryAfter: Math.max(1, state.reset) });
}
