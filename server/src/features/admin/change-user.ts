import { changeUser } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { acceptedVersions, administrator, etagOf } from './request.ts';
import { ChangeUserBody, IdParams, tags, UserAnswers } from './schema.ts';
import { adminUserView } from './views.ts';

export function changeUserRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).patch(
    `${config.API_PREFIX}/admin/users/:id`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Change a profile',
        description: 'Takes `If-Match`. Address and password are their owner’s to change.',
        params: IdParams,
        body: ChangeUserBody,
        response: UserAnswers,
      },
    },
    async (request, reply) => {
      const accepted = acceptedVersions(request);
      const user = await changeUser(unit, administrator(request), request.params.id, request.body, accepted);
      return reply.header('etag', etagOf(user.version)).send(adminUserView(user));
    },
  );
}
