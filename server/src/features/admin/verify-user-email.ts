import { verifyUserEmail } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator, etagOf } from './request.ts';
import { IdParams, tags, UserAnswers } from './schema.ts';
import { adminUserView } from './views.ts';

export function verifyUserEmailRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/users/:id/verify-email`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Take an address for verified',
        description: 'As if the owner had followed the link.',
        params: IdParams,
        response: UserAnswers,
      },
    },
    async (request, reply) => {
      const user = await verifyUserEmail(unit, administrator(request), request.params.id);
      return reply.header('etag', etagOf(user.version)).send(adminUserView(user));
    },
  );
}
