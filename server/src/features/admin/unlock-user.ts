import { unlockUser } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator, etagOf } from './request.ts';
import { IdParams, tags, UserAnswers } from './schema.ts';
import { adminUserView } from './views.ts';

export function unlockUserRoute(
  app: HttpApp,
  { config, unit, guesses }: Pick<House, 'config' | 'unit' | 'guesses'>,
): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/users/:id/unlock`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Lift a lock-out',
        description: 'Wrong passwords no longer keep anyone out of this account.',
        params: IdParams,
        response: UserAnswers,
      },
    },
    async (request, reply) => {
      const user = await unlockUser(unit, guesses, administrator(request), request.params.id);
      return reply.header('etag', etagOf(user.version)).send(adminUserView(user));
    },
  );
}
