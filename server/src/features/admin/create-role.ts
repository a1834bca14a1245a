import { createRole } from '../../core/roles/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator, etagOf } from './request.ts';
import { tags } from './schema.ts';
import { CreateRoleBody, RoleCreatedAnswers } from './schema-installation.ts';
import { roleView } from './views.ts';

type Deps = Pick<House, 'config' | 'unit' | 'idempotency'>;

export function createRoleRoute(app: HttpApp, { config, unit, idempotency }: Deps): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/roles`,
    {
      config: { access: { permission: 'roles:write' }, fresh: true },
      schema: {
        tags: tags.roles,
        summary: 'Create a role',
        description: 'Of permissions that one holds oneself. Takes `Idempotency-Key`.',
        body: CreateRoleBody,
        response: RoleCreatedAnswers,
      },
    },
    async (request, reply) => {
      const by = administrator(request);
      const answer = await idempotency.run(
        {
          key: request.headers['idempotency-key'],
          route: 'admin-roles',
          caller: by.principal.user.id,
          body: request.body,
        },
        async () => ({ status: 201, body: roleView(await createRole(unit, by, request.body)) }),
      );
      const role = answer.body as ReturnType<typeof roleView>;
      return reply.code(201).header('etag', etagOf(role.version)).send(role);
    },
  );
}
