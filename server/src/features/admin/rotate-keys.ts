import { rotateKeys } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { tags } from './schema.ts';
import { RotateAnswers, RotateBody } from './schema-installation.ts';

export function rotateKeysRoute(app: HttpApp, { config, keys, unit }: Pick<House, 'config' | 'keys' | 'unit'>): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/keys`,
    {
      config: { access: { permission: 'keys:write' }, fresh: true },
      schema: {
        tags: tags.keys,
        summary: 'Make a new signing key',
        description:
          'It signs in five minutes, when others have had time to fetch it, or `immediately`. The former one verifies until its last token has expired.',
        body: RotateBody,
        response: RotateAnswers,
      },
    },
    async (request, reply) => {
      const kid = await rotateKeys(unit, keys, administrator(request), request.body?.immediately ?? false);
      return reply.code(201).send({ kid });
    },
  );
}
