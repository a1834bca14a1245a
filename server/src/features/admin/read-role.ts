import { findRole } from '../../core/roles/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { etagOf } from './request.ts';
import { tags } from './schema.ts';
import { RoleAnswers, RoleParams } from './schema-installation.ts';
import { roleView } from './views.ts';

export function readRoleRoute(app: HttpApp, { config, db }: Pick<House, 'config' | 'db'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/roles/:name`,
    {
      config: { access: { permission: 'roles:read' } },
      schema: {
        tags: tags.roles,
        summary: 'One role',
        description: 'With its ETag.',
        params: RoleParams,
        response: RoleAnswers,
      },
    },
    async (request, reply) => {
      const role = await findRole(db, request.params.name);
      if (role === undefined) throw new Refusal('not_found');
      const view = roleView(role);
      return reply.header('etag', etagOf(view.version)).send(view);
    },
  );
}
