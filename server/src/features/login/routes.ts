import type { FastifyInstance } from 'fastify';
import { deviceTokenOf, replySignIn } from '../../core/signin/index.ts';
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
          '`mfa_required`: go on with `POST /auth/mfa`. 401 `invalid_credentials` is one answer for unknown, wrong, locked, disabled and passwordless; 403 `email_not_verified` comes only after the right password.',
        body: LoginBody,
        response: LoginAnswers,
      },
    },
    async (request, reply) => {
      const device_token = deviceTokenOf(request, deps.cookies);
      const login = { ...request.body, ...(device_token === undefined ? {} : { device_token }) };
      return replySignIn(deps, reply, () => logIn(deps, login, request.from));
    },
  );
}
