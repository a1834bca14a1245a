import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusal, type RefusalCode } from '../../lib/refusal.ts';

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code: string;
  request_id: string;
  [extra: string]: unknown;
}

/** RFC 9457. The detail is what the refusal says to its reader; causes never leave the process. */
export function problemOf(refusal: Refusal, requestId: string): Problem {
  const { detail, errors, policy, retryAfter, factors, linkToken } = refusal.options;
  return {
    type: `urn:auth-api:error:${refusal.code}`,
    title: refusal.title,
    status: refusal.status,
    ...(detail === undefined ? {} : { detail }),
    code: refusal.code,
    request_id: requestId,
    ...(errors === undefined ? {} : { errors }),
    ...(policy === undefined ? {} : { policy }),
    ...(retryAfter === undefined ? {} : { retry_after: retryAfter }),
    ...(factors === undefined ? {} : { factors }),
    ...(linkToken === undefined ? {} : { link_token: linkToken }),
  };
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, refusal: Refusal): FastifyReply {
  const { retryAfter, headers } = refusal.options;
  if (retryAfter !== undefined) reply.header('retry-after', String(retryAfter));
  if (headers) reply.headers(headers);
  if (refusal.status === 401) reply.header('www-authenticate', challenge(refusal.code));
  return reply
    .code(refusal.status)
    .type('application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(problemOf(refusal, request.id));
}

// RFC 6750, section 3.1.
function challenge(code: RefusalCode): string {
  if (code === 'unauthenticated' || code === 'invalid_credentials') return 'Bearer realm="auth-api"';
  return `Bearer realm="auth-api", error="invalid_token", error_description="${code}"`;
}

const FASTIFY_CODES: Record<string, RefusalCode> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_request',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_request',
  FST_ERR_BAD_URL: 'malformed_request',
  FST_ERR_MAX_PARAM_LENGTH: 'not_found',
  FST_ERR_ASYNC_CONSTRAINT: 'not_found',
};

/** The refusal behind whatever was thrown; null for a bug. */
export function refusalOf(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  const known = FASTIFY_CODES[code ?? ''];
  if (known) return new Refusal(known, { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new Refusal('malformed_request', { cause: error });
  }
  return null;
}
