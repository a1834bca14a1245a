import { deleteUser } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { acceptedVersions, administrator } from './request.ts';
import { IdParams, NoContent, tags } from './schema.ts';

export function deleteUserRoute(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  typed(app).delete(
    `${config.API_PREFIX}/admin/users/:id`,
    {
      config: { access: { permission: 'users:delete' }, fresh: true },
      schema: {
        tags: tags.users,
        summary: 'Delete an account',
        description:
          'For good; what its audit lines say of the person is erased. Takes `If-Match`. The user is told by mail.',
        params: IdParams,
        response: NoContent,
      },
    },
    async (request, reply) => {
      await deleteUser(unit, administrator(request), request.params.id, acceptedVersions(request));
      return reply.code(204).send(null);
    },
  );
}
