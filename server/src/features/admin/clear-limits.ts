import { clearLimits, type LimitsDeps } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { NoContent, tags } from './schema.ts';
import { SubjectQuery } from './schema-installation.ts';

export function clearLimitsRoute(app: HttpApp, deps: LimitsDeps & Pick<House, 'config'>): void {
  typed(app).delete(
    `${deps.config.API_PREFIX}/admin/limits`,
    {
      config: { access: { permission: 'limits:write' } },
      schema: { tags: tags.operations, summary: 'Lift a throttle', querystring: SubjectQuery, response: NoContent },
    },
    async (request, reply) => {
      await clearLimits(deps, administrator(request), request.query.subject);
      return reply.code(204).send(null);
    },
  );
}
