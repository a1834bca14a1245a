import type { FastifyInstance } from 'fastify';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { forgotPassword, type ResetDeps, resetPassword } from './reset-password.ts';
import { ForgotAnswers, ForgotBody, ResetAnswers, ResetBody } from './schema.ts';

export type Deps = ResetDeps & Pick<House, 'config'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/auth/password/forgot`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags: ['Passwords'],
        summary: 'Ask for a reset link',
        description: '202 always, whether the address is known or not.',
        body: ForgotBody,
        response: ForgotAnswers,
      },
    },
    async (request, reply) => {
      await forgotPassword(deps, request.body.email, request.from);
      return reply.code(202).send({ status: 'reset_sent' });
    },
  );

  typed(app).post(
    `${deps.config.API_PREFIX}/auth/password/reset`,
    {
      config: { access: 'public' },
      schema: {
        tags: ['Passwords'],
        summary: 'Set a new password with the link',
        description: 'Every session of the user ends, and the user is told by mail. Nobody is signed in by it.',
        body: ResetBody,
        response: ResetAnswers,
      },
    },
    async (request, reply) => {
      await resetPassword(deps, request.body.token, request.body.password, request.from);
      return reply.code(204).send(null);
    },
  );
}
