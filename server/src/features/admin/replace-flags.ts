import { replaceFlags } from '../../core/flags/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { acceptedVersions, administrator, etagOf } from './request.ts';
import { tags } from './schema.ts';
import { FlagsAnswers, FlagsBody } from './schema-flags.ts';
import { flagView } from './views.ts';

type Deps = Pick<House, 'config' | 'unit' | 'flags'>;

// What the command line can set flag by flag has to fit into one body.
const BODY_MAX = 1024 * 1024;

export function replaceFlagsRoute(app: HttpApp, { config, unit, flags }: Deps): void {
  typed(app).put(
    `${config.API_PREFIX}/admin/flags`,
    {
      bodyLimit: BODY_MAX,
      config: { access: { permission: 'flags:write' }, fresh: true },
      schema: {
        tags: tags.flags,
        summary: 'Set the feature flags',
        description:
          'These settings and no others: one of the server’s own flags that is not named has its default again, another one is gone. In force everywhere within a second. Takes `If-Match`.',
        body: FlagsBody,
        response: FlagsAnswers,
      },
    },
    async (request, reply) => {
      const accepted = acceptedVersions(request);
      const list = await replaceFlags(unit, administrator(request), request.body.flags, accepted);
      flags.forget();
      return reply.header('etag', etagOf(list.version)).send({ data: list.flags.map(flagView) });
    },
  );
}
