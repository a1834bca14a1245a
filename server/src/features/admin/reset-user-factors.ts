import { Type } from 'typebox';
import { resetFactors } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { IdParams, ImpersonateBody, tags } from './schema.ts';

const ResetAnswers = {
  202: Type.Object({
    status: Type.Union([Type.Literal('done'), Type.Literal('scheduled')]),
    due_at: Type.String({ format: 'date-time', description: 'Until then the owner can stop it.' }),
  }),
};

export function resetUserFactorsRoute(
  app: HttpApp,
  { config, unit, factors }: Pick<House, 'config' | 'unit' | 'factors'>,
): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/users/:id/reset-mfa`,
    {
      config: { access: { permission: 'users:reset-factors' }, fresh: 'factor' },
      schema: {
        tags: tags.users,
        summary: 'Take all second factors from an account',
        description:
          'For who has lost them all: passkeys, app and codes go, and every session ends. With MFA_RESET_DELAY it waits, the owner is told on every channel, and can veto it.',
        params: IdParams,
        body: ImpersonateBody,
        response: ResetAnswers,
      },
    },
    async (request, reply) => {
      const deps = { config, unit, factors };
      const due = await resetFactors(deps, administrator(request), request.params.id, request.body.reason);
      const status = config.MFA_RESET_DELAY === 0 ? ('done' as const) : ('scheduled' as const);
      return reply.code(202).send({ status, due_at: new Date(due).toISOString() });
    },
  );
}
