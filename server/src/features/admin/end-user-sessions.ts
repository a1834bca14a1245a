import { endUserSessions } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { IdParams, NoContent, SessionParams, tags } from './schema.ts';

/** Both forms of one act: a session of the user's, or all of them. */
export function endUserSessionsRoutes(app: HttpApp, { config, unit }: Pick<House, 'config' | 'unit'>): void {
  const path = `${config.API_PREFIX}/admin/users/:id/sessions`;
  const rules = { access: { permission: 'users:write' } } as const;
  typed(app).delete(
    path,
    {
      config: rules,
      schema: { tags: tags.users, summary: 'Sign a user out everywhere', params: IdParams, response: NoContent },
    },
    async (request, reply) => {
      await endUserSessions(unit, administrator(request), request.params.id, null);
      return reply.code(204).send(null);
    },
  );
  typed(app).delete(
    `${path}/:sid`,
    {
      config: rules,
      schema: { tags: tags.users, summary: 'End one session of a user', params: SessionParams, response: NoContent },
    },
    async (request, reply) => {
      await endUserSessions(unit, administrator(request), request.params.id, request.params.sid);
      return reply.code(204).send(null);
    },
  );
}
