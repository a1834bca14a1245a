import type { FastifyInstance, FastifyReply } from 'fastify';
import { userText } from '../../core/users/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { addressKey } from '../../platform/http/address.ts';
import { limit } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type RefreshDeps, refresh } from './refresh.ts';
import { RefreshAnswers, RefreshBody } from './schema.ts';

export type Deps = RefreshDeps & Pick<House, 'config' | 'tokens' | 'counts' | 'metrics'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  const { config, sessions, tokens, counts, metrics } = deps;
  const limitUser = (reply: FastifyReply, key: string): void =>
    limit(reply, 'user', config.RATE_LIMIT_USER, counts.count('user', key, config.RATE_LIMIT_USER));
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
      // Before the rotation: a new token that its owner does not get is a session lost after the grace.
      const named = sessions.ofRefreshToken(request.body.refresh_token);
      if (named !== null) limitUser(reply, named.sessionId);
      const { principal, refreshToken } = await refresh(deps, request.body.refresh_token, request.from).catch(
        (error) => {
          metrics.refresh('failure');
          // It carries no valid session, so it counts for its address.
          if (error instanceof Refusal && error.status === 401) {
            const key = addressKey(request.from.address);
            limit(reply, 'address', config.rateLimitAddress, counts.count('address', key, config.rateLimitAddress));
          }
          throw error;
        },
      );
      metrics.refresh('success');
      counts.count('user', principal.user.id, config.RATE_LIMIT_USER);
      const { token, expiresIn } = tokens.issue(principal);
      // Tokens hold nothing that JSON would escape, and the user's text is kept: nothing is left to be serialised.
      const text = `{"status":"complete","access_token":"${token}","token_type":"Bearer","expires_in":${expiresIn},"refresh_token":"${refreshToken}","user":${userText(principal.user)}}`;
      return reply.type('application/json; charset=utf-8').send(text as never);
    },
  );
}
