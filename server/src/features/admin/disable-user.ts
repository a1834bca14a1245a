import { disableUser } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator, etagOf } from './request.ts';
import { DisableBody, IdParams, tags, UserAnswers } from './schema.ts';
import { adminUserView } from './views.ts';

export function disableUserRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/users/:id/disable`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Disable an account',
        description: 'Its sessions and links end, everywhere within a second. The user is told by mail.',
        params: IdParams,
        body: DisableBody,
        response: UserAnswers,
      },
    },
    async (request, reply) => {
      const user = await disableUser(unit, administrator(request), request.params.id, request.body?.reason);
      return reply.header('etag', etagOf(user.version)).send(adminUserView(user));
    },
  );
}
