import type { FastifyInstance } from 'fastify';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { ResendAnswers, ResendBody, VerifyAnswers, VerifyBody } from './schema.ts';
import { resendVerification, type VerifyEmailDeps, verifyEmail } from './verify-email.ts';

export type Deps = VerifyEmailDeps & Pick<House, 'config'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/auth/verify-email`,
    {
      config: { access: 'public' },
      schema: {
        tags: ['Sign-up'],
        summary: 'Verify an address',
        description: '`token_invalid` is one answer for used, expired, replaced and foreign links.',
        body: VerifyBody,
        response: VerifyAnswers,
      },
    },
    async (request) => {
      await verifyEmail(deps, request.body.token, request.from);
      return { status: 'verified' as const };
    },
  );

  typed(app).post(
    `${deps.config.API_PREFIX}/auth/verify-email/resend`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags: ['Sign-up'],
        summary: 'Send the verification mail again',
        description: '202 always, whether the address is known or not.',
        body: ResendBody,
        response: ResendAnswers,
      },
    },
    async (request, reply) => {
      await resendVerification(deps, request.body.email, request.from);
      return reply.code(202).send({ status: 'verification_sent' });
    },
  );
}
