import type { FastifyInstance } from 'fastify';
import { userView } from '../../core/users/index.ts';
import { limit } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type RefreshDeps, refresh } from './refresh.ts';
import { RefreshAnswers, RefreshBody } from './schema.ts';

export type Deps = RefreshDeps & Pick<House, 'config' | 'tokens' | 'counts' | 'metrics'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  const { config, tokens, counts, metrics } = deps;
  typed(app).post(
    `${config.API_PREFIX}/auth/refresh`,
    {
      config: { access: 'public', limits: 'user-later' },
      schema: {
        tags: ['Sessions'],
        summary: 'Rotate a refresh token',
        description:
          'Each use gives a new one. Within REFRESH_GRACE_SECONDS the direct predecessor gets the same successor again; anything older ends the session.',
        body: RefreshBody,
        response: RefreshAnswers,
      },
    },
    async (request, reply) => {
      try {
        const { principal, refreshToken } = await refresh(deps, request.body.refresh_token, request.from);
        limit(reply, 'user', config.RATE_LIMIT_USER, counts.count('user', principal.user.id, config.RATE_LIMIT_USER));
        metrics.refresh('success');
        const { token, expiresIn } = tokens.issue(principal);
        return {
          status: 'complete' as const,
          access_token: token,
          token_type: 'Bearer' as const,
          expires_in: expiresIn,
          refresh_token: refreshToken,
          user: userView(principal.user),
        };
      } catch (error) {
        metrics.refresh('failure');
        // A wrong one counts for the address: it carries no valid session.
        if (request.principal === null) {
          limit(reply, 'address', config.rateLimitAddress, counts.count('address', request.from.address, config.rateLimitAddress));
        }
        throw error;
      }
    },
  );
}
