import { createStats } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { tags } from './schema.ts';
import { StatsAnswers } from './schema-installation.ts';

type Deps = Pick<House, 'config' | 'db' | 'clock' | 'keys' | 'sessions'>;

export function readStatsRoute(app: HttpApp, deps: Deps): void {
  const readStats = createStats(deps);
  typed(app).get(
    `${deps.config.API_PREFIX}/admin/stats`,
    {
      config: { access: { permission: 'stats:read' } },
      schema: {
        tags: tags.operations,
        summary: 'Figures for a dashboard',
        description: 'Up to five seconds old. Large tables are estimated from a sample.',
        response: StatsAnswers,
      },
    },
    () => readStats(),
  );
}
