import { findUsers } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { tags, UsersAnswers, UsersQuery } from './schema.ts';
import { adminUserView } from './views.ts';

export function listUsersRoute(app: HttpApp, { config, db }: Pick<House, 'config' | 'db'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/users`,
    {
      config: { access: { permission: 'users:read' } },
      schema: {
        tags: tags.users,
        summary: 'List and search accounts',
        description:
          'Newest first, or by `sort`. `query` finds those whose address begins with it, then those whose name does, and has an order of its own.',
        querystring: UsersQuery,
        response: UsersAnswers,
      },
    },
    async (request) => {
      const { rows, nextCursor } = await findUsers(db, request.query);
      return { data: rows.map(adminUserView), next_cursor: nextCursor };
    },
  );
}
