import type { FastifyInstance } from 'fastify';
import { Refusal } from '../../lib/refusal.ts';
import { setCookie } from '../../platform/http/cookies.ts';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type ReauthenticateDeps, reauthenticate } from './reauthenticate.ts';
import { CsrfAnswers, ReauthenticateAnswers, ReauthenticateBody } from './schema.ts';

export type Deps = ReauthenticateDeps & Pick<House, 'config' | 'cookies' | 'tokens' | 'sessions'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  const { config, cookies, tokens, sessions } = deps;
  typed(app).post(
    `${config.API_PREFIX}/auth/reauthenticate`,
    {
      config: { access: 'session', limits: 'login' },
      schema: {
        tags: ['Sessions'],
        summary: 'Prove the password again',
        description: 'Renews `auth_time` of this session; sensitive changes take it within REAUTH_WITHIN.',
        body: ReauthenticateBody,
        response: ReauthenticateAnswers,
      },
    },
    async (request, reply) => {
      const before = requireSession(request);
      const cookie = await reauthenticate(deps, before, request.body.password, request.from);
      const principal = await sessions.reload(before.sessionId);
      const base = { status: 'complete' as const, auth_time: Math.floor(principal.authenticatedAt / 1000) };
      if (cookie !== null) {
        reply.header('set-cookie', setCookie(cookies, cookies.session, cookie, config.SESSION_MAX_AGE));
        return { ...base, csrf_token: sessions.csrfTokens(principal.sessionId)[0] as string };
      }
      const { token, expiresIn } = tokens.issue(principal);
      return { ...base, access_token: token, token_type: 'Bearer' as const, expires_in: expiresIn };
    },
  );

  typed(app).get(
    `${config.API_PREFIX}/auth/csrf`,
    {
      config: { access: 'session' },
      schema: { tags: ['Sessions'], summary: 'The CSRF token of the cookie session', response: CsrfAnswers },
    },
    async (request) => {
      const principal = requireSession(request);
      if (principal.kind !== 'cookie')
        throw new Refusal('malformed_request', { detail: 'Only cookie sessions have one.' });
      return { csrf_token: sessions.csrfTokens(principal.sessionId)[0] as string };
    },
  );
}
