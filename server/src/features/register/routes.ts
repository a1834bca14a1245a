import type { FastifyInstance } from 'fastify';
import { answerSignIn } from '../../core/signin/index.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type RegisterDeps, register } from './register.ts';
import { RegisterAnswers, RegisterBody } from './schema.ts';

export type Deps = RegisterDeps & Pick<House, 'config' | 'idempotency' | 'tokens' | 'sessions' | 'cookies'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/auth/register`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags: ['Sign-up'],
        summary: 'Register an account',
        description:
          'The same answer for a free and a taken address; the owner of a taken one is told by mail. With `EMAIL_VERIFICATION=optional`: 201, signed in, and 409 `email_taken`.',
        body: RegisterBody,
        response: RegisterAnswers,
      },
    },
    async (request, reply) => {
      const answer = await deps.idempotency.run(
        {
          key: request.headers['idempotency-key'],
          route: 'register',
          caller: request.from.address,
          body: request.body as Record<string, unknown>,
        },
        async () => {
          const outcome = await register(deps, request.body, request.from);
          if (outcome === null) return { status: 202, body: { status: 'verification_sent' } };
          const { body, cookies } = answerSignIn(deps, outcome);
          reply.header('set-cookie', cookies);
          return { status: 201, body, secret: true };
        },
      );
      return reply.code(answer.status as 202).send(answer.body as never);
    },
  );
}
