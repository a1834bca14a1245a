import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.ts';

/** What every answer carries; pages that need more than the strictest policy say so themselves. */
export function securityHeaders(config: Pick<Config, 'PUBLIC_URL'>): Record<string, string> {
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

const EXPOSED = 'X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, ETag';
const METHODS = 'GET, POST, PUT, PATCH, DELETE';
const TAKEN = 'Authorization, Content-Type, X-CSRF-Token, Idempotency-Key, If-Match';

/** CORS (Fetch standard): an allowed origin is named, never a wildcard where credentials are allowed. */
export function corsHeaders(
  config: Pick<Config, 'CORS_ORIGIN'>,
): (request: FastifyRequest, reply: FastifyReply) => void {
  const isAny = config.CORS_ORIGIN.includes('*');
  const allowed = new Set(config.CORS_ORIGIN.filter((origin) => origin !== '*'));
  return (request, reply) => {
    const { origin } = request.headers;
    if (isAny || allowed.size > 0) reply.header('vary', 'Origin');
    if (origin === undefined || !(isAny || allowed.has(origin))) return;
    reply.header('access-control-allow-origin', allowed.has(origin) ? origin : '*');
    if (allowed.has(origin)) reply.header('access-control-allow-credentials', 'true');
    reply.header('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS') return;
    reply.header('access-control-allow-methods', METHODS);
    reply.header('access-control-allow-headers', TAKEN);
    reply.header('access-control-max-age', '600');
  };
}
