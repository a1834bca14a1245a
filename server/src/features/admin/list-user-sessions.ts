import { fromCursor, toCursor } from '../../core/administration/index.ts';
import { listSessions, sessionView } from '../../core/sessions/index.ts';
import { findUser } from '../../core/users/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { IdParams, PageQuery, SessionsAnswers, tags } from './schema.ts';

type Deps = Pick<House, 'config' | 'db' | 'clock' | 'sessions'>;

export function listUserSessionsRoute(app: HttpApp, { config, db, clock, sessions }: Deps): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/users/:id/sessions`,
    {
      config: { access: { permission: 'users:read' } },
      schema: {
        tags: tags.users,
        summary: 'Where a user is signed in',
        params: IdParams,
        querystring: PageQuery,
        response: SessionsAnswers,
      },
    },
    async (request) => {
      const { id } = request.params;
      const { limit = 25, cursor } = request.query;
      if ((await findUser(db, id)) === undefined) throw new Refusal('not_found');
      const list = `sessions ${id}`;
      const before = cursor === undefined ? null : (fromCursor(list, cursor)[0] ?? null);
      const now = clock.now();
      const rows = await listSessions(db, id, new Date(now), sessions.idleSince(now), { limit: limit + 1, before });
      const last = rows[limit - 1];
      return {
        data: rows.slice(0, limit).map(sessionView),
        next_cursor: rows.length > limit && last ? toCursor(list, [last.id]) : null,
      };
    },
  );
}
