import { explainLimits, type LimitsDeps } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { tags } from './schema.ts';
import { LimitsAnswers, SubjectQuery } from './schema-installation.ts';

export function explainLimitsRoute(app: HttpApp, deps: LimitsDeps & Pick<House, 'config' | 'clock'>): void {
  typed(app).get(
    `${deps.config.API_PREFIX}/admin/limits`,
    {
      config: { access: { permission: 'limits:read' } },
      schema: {
        tags: tags.operations,
        summary: 'Why is somebody throttled?',
        description:
          'The counters of a user, an e-mail address (also of nobody) or a network address, as this process knows them.',
        querystring: SubjectQuery,
        response: LimitsAnswers,
      },
    },
    (request) => explainLimits(deps, request.query.subject, deps.clock.now()),
  );
}
