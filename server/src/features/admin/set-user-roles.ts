import { setUserRoles } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { acceptedVersions, administrator, etagOf } from './request.ts';
import { IdParams, tags, UserRolesAnswers, UserRolesBody } from './schema.ts';

export function setUserRolesRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).put(
    `${config.API_PREFIX}/admin/users/:id/roles`,
    {
      config: { access: { permission: 'roles:write' }, fresh: true },
      schema: {
        tags: tags.users,
        summary: 'Give and take roles',
        description:
          'These roles and no others, in force everywhere within a second. Takes `If-Match`. Nobody gives what they do not hold, and the last administrator stays one.',
        params: IdParams,
        body: UserRolesBody,
        response: UserRolesAnswers,
      },
    },
    async (request, reply) => {
      const accepted = acceptedVersions(request);
      const user = await setUserRoles(unit, administrator(request), request.params.id, request.body.roles, accepted);
      return reply.header('etag', etagOf(user.version)).send({ roles: user.roles, permissions: user.permissions });
    },
  );
}
