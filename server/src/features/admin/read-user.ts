import { findUser } from '../../core/users/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { etagOf } from './request.ts';
import { IdParams, tags, UserAnswers } from './schema.ts';
import { adminUserView } from './views.ts';

export function readUserRoute(app: HttpApp, { config, db }: Pick<House, 'config' | 'db'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/users/:id`,
    {
      config: { access: { permission: 'users:read' } },
      schema: {
        tags: tags.users,
        summary: 'One account',
        description: 'With its ETag.',
        params: IdParams,
        response: UserAnswers,
      },
    },
    async (request, reply) => {
      const user = await findUser(db, request.params.id);
      if (user === undefined) throw new Refusal('not_found');
      return reply.header('etag', etagOf(user.version)).send(adminUserView(user));
    },
  );
}
