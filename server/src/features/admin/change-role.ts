import { changeRole } from '../../core/roles/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { acceptedVersions, administrator, etagOf } from './request.ts';
import { tags } from './schema.ts';
import { ChangeRoleBody, RoleAnswers, RoleParams } from './schema-installation.ts';
import { roleView } from './views.ts';

export function changeRoleRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).patch(
    `${config.API_PREFIX}/admin/roles/:name`,
    {
      config: { access: { permission: 'roles:write' }, fresh: true },
      schema: {
        tags: tags.roles,
        summary: 'Change a role',
        description:
          'In force for all who have it, everywhere within a second. Takes `If-Match`. `admin` stays as it is.',
        params: RoleParams,
        body: ChangeRoleBody,
        response: RoleAnswers,
      },
    },
    async (request, reply) => {
      const accepted = acceptedVersions(request);
      const view = roleView(
        await changeRole(unit, administrator(request), request.params.name, request.body, accepted),
      );
      return reply.header('etag', etagOf(view.version)).send(view);
    },
  );
}
