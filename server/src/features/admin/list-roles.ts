import { fromCursor, toCursor } from '../../core/administration/index.ts';
import { listRoles, permissionCatalogue } from '../../core/roles/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { PageQuery, tags } from './schema.ts';
import { PermissionsAnswers, RolesAnswers } from './schema-installation.ts';
import { roleView } from './views.ts';

/** The roles, and the permissions that one can be made of. */
export function listRolesRoutes(app: HttpApp, { config, db }: Pick<House, 'config' | 'db'>): void {
  const rules = { access: { permission: 'roles:read' } } as const;
  typed(app).get(
    `${config.API_PREFIX}/admin/roles`,
    {
      config: rules,
      schema: { tags: tags.roles, summary: 'List roles', querystring: PageQuery, response: RolesAnswers },
    },
    async (request) => {
      const { limit = 25, cursor } = request.query;
      const after = cursor === undefined ? null : (fromCursor('roles', cursor)[0] ?? null);
      const rows = await listRoles(db, { after, limit: limit + 1 });
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(roleView),
        next_cursor: rows.length > limit && last ? toCursor('roles', [last.name]) : null,
      };
    },
  );
  typed(app).get(
    `${config.API_PREFIX}/admin/permissions`,
    { config: rules, schema: { tags: tags.roles, summary: 'What a role may allow', response: PermissionsAnswers } },
    async () => ({ data: permissionCatalogue() }),
  );
}
