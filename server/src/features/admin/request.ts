import type { FastifyRequest } from 'fastify';
import type { Administrator } from '../../core/roles/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { requireSession } from '../../platform/http/guard.ts';

export function administrator(request: FastifyRequest): Administrator {
  return { principal: requireSession(request), origin: request.from };
}

/** RFC 9110, section 13.1.1: strong comparison, so a weak tag fits nothing; `*` would say that nobody has looked. */
export function acceptedVersions(request: FastifyRequest): number[] {
  const header = request.headers['if-match'];
  if (header === undefined || header.trim() === '*') throw new Refusal('version_required');
  return header.split(',').flatMap((tag) => {
    const match = /^\s*"(\d{1,15})"\s*$/.exec(tag);
    return match === null ? [] : [Number(match[1])];
  });
}

export function etagOf(version: number): string {
  return `"${version}"`;
}
