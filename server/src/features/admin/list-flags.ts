import { listFlags } from '../../core/flags/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { etagOf } from './request.ts';
import { tags } from './schema.ts';
import { FlagsAnswers } from './schema-flags.ts';
import { flagView } from './views.ts';

export function listFlagsRoute(app: HttpApp, { config, db }: Pick<House, 'config' | 'db'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/flags`,
    {
      config: { access: { permission: 'flags:read' } },
      schema: {
        tags: tags.flags,
        summary: 'Feature flags',
        description: 'The server’s own, set or not, and those that were set beside them. With the ETag of them all.',
        response: FlagsAnswers,
      },
    },
    async (_request, reply) => {
      const { flags, version } = await listFlags(db);
      return reply.header('etag', etagOf(version)).send({ data: flags.map(flagView) });
    },
  );
}
