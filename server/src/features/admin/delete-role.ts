import { deleteRole } from '../../core/roles/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { acceptedVersions, administrator } from './request.ts';
import { NoContent, tags } from './schema.ts';
import { RoleParams } from './schema-installation.ts';

export function deleteRoleRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).delete(
    `${config.API_PREFIX}/admin/roles/:name`,
    {
      config: { access: { permission: 'roles:write' }, fresh: true },
      schema: {
        tags: tags.roles,
        summary: 'Delete a role',
        description: 'All who have it lose it. Takes `If-Match`.',
        params: RoleParams,
        response: NoContent,
      },
    },
    async (request, reply) => {
      await deleteRole(unit, administrator(request), request.params.name, acceptedVersions(request));
      return reply.code(204).send(null);
    },
  );
}
