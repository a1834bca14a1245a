import type { FastifyInstance, FastifyReply } from 'fastify';
import { clearCookie } from '../../platform/http/cookies.ts';
import { requireCsrf, requireSession } from '../../platform/http/guard.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type LogOutDeps, logOut, logOutAll, logOutByToken } from './log-out.ts';
import { LogoutAllBody, LogoutBody, NoContent } from './schema.ts';

export type Deps = LogOutDeps & Pick<House, 'config' | 'cookies' | 'sessions'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  const { config, cookies, sessions } = deps;
  const forget = (reply: FastifyReply, { kind }: Principal): void => {
    if (kind === 'token') return;
    reply.header('set-cookie', clearCookie(cookies, cookies.session)).header('clear-site-data', '"cache"');
  };

  typed(app).post(
    `${config.API_PREFIX}/auth/logout`,
    {
      config: { access: 'public', impersonated: true },
      schema: {
        tags: ['Sessions'],
        summary: 'End this session',
        description: 'By bearer token, by cookie (with its CSRF token), or by `refresh_token` in the body.',
        body: LogoutBody,
        response: NoContent,
      },
    },
    async (request, reply) => {
      const token = request.body?.refresh_token;
      if (token !== undefined) {
        await logOutByToken(deps, token, request.from);
        return reply.code(204).send(null);
      }
      const principal = requireSession(request);
      requireCsrf(request, principal, sessions.csrfTokens);
      await logOut(deps, principal, request.from);
      forget(reply, principal);
      return reply.code(204).send(null);
    },
  );

  typed(app).post(
    `${config.API_PREFIX}/auth/logout-all`,
    {
      config: { access: 'session', withoutFactor: true },
      schema: {
        tags: ['Sessions'],
        summary: 'End every session',
        description: 'Of the signed-in user, on every device; with `except_current` this one stays.',
        body: LogoutAllBody,
        response: NoContent,
      },
    },
    async (request, reply) => {
      const exceptCurrent = request.body?.except_current ?? false;
      const principal = requireSession(request);
      await logOutAll(deps, principal, exceptCurrent, request.from);
      if (!exceptCurrent) forget(reply, principal);
      return reply.code(204).send(null);
    },
  );
}
