import type { FastifyInstance } from 'fastify';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { MyFlagsAnswers } from './schema.ts';

export type Deps = Pick<House, 'config' | 'flags'>;

export function routes(app: FastifyInstance, { config, flags }: Deps): void {
  typed(app).get(
    `${config.API_PREFIX}/me/flags`,
    {
      config: { access: 'session' },
      schema: {
        tags: ['My account'],
        summary: 'My feature flags',
        description: 'What the flags say for the signed-in user, never why. A change counts within a second.',
        response: MyFlagsAnswers,
      },
    },
    async (request) => {
      const { id, roles } = requireSession(request).user;
      return { flags: await (await flags.known()).valuesFor({ id, roles }) };
    },
  );
}
