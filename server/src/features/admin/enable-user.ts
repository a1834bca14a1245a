import { enableUser } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator, etagOf } from './request.ts';
import { IdParams, tags, UserAnswers } from './schema.ts';
import { adminUserView } from './views.ts';

export function enableUserRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/users/:id/enable`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Enable a disabled account',
        description: 'Its sessions stay ended.',
        params: IdParams,
        response: UserAnswers,
      },
    },
    async (request, reply) => {
      const user = await enableUser(unit, administrator(request), request.params.id);
      return reply.header('etag', etagOf(user.version)).send(adminUserView(user));
    },
  );
}
