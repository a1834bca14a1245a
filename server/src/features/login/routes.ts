import type { FastifyInstance } from 'fastify';
import { answerSignedIn } from '../../core/signin/index.ts';
import { readCookie } from '../../platform/http/cookies.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type LogInDeps, logIn } from './log-in.ts';
import { LoginAnswers, LoginBody } from './schema.ts';

export type Deps = LogInDeps & Pick<House, 'config' | 'tokens' | 'sessions' | 'cookies' | 'metrics'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/auth/login`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags: ['Sign-in'],
        summary: 'Sign in with a password',
        description:
          '401 `invalid_credentials` is one answer for unknown, wrong, locked, disabled and passwordless; 403 `email_not_verified` comes only after the right password.',
        body: LoginBody,
        response: LoginAnswers,
      },
    },
    async (request, reply) => {
      const device_token = request.body.device_token ?? readCookie(request.headers.cookie, deps.cookies.device);
      try {
        const login = { ...request.body, ...(device_token === undefined ? {} : { device_token }) };
        const { body, cookies } = answerSignedIn(deps, await logIn(deps, login, request.from));
        deps.metrics.login('success');
        if (cookies.length > 0) reply.header('set-cookie', cookies);
        return reply.send(body as never);
      } catch (error) {
        deps.metrics.login('failure');
        throw error;
      }
    },
  );
}
