import { type SendResetDeps, sendPasswordReset } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { IdParams, ResetSentAnswers, tags } from './schema.ts';

export function sendPasswordResetRoute(app: HttpApp, deps: SendResetDeps & Pick<House, 'config'>): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/admin/users/:id/send-password-reset`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Send a reset link',
        description: 'To the user’s own address. The present password works until the link is used.',
        params: IdParams,
        response: ResetSentAnswers,
      },
    },
    async (request, reply) => {
      await sendPasswordReset(deps, administrator(request), request.params.id);
      return reply.code(202).send({ status: 'reset_sent' as const });
    },
  );
}
