import { revokeKey } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { NoContent, tags } from './schema.ts';
import { KidParams } from './schema-installation.ts';

export function revokeKeyRoute(app: HttpApp, { config, keys, unit }: Pick<House, 'config' | 'keys' | 'unit'>): void {
  typed(app).post(
    `${config.API_PREFIX}/admin/keys/:kid/revoke`,
    {
      config: { access: { permission: 'keys:write' }, fresh: true },
      schema: {
        tags: tags.keys,
        summary: 'Revoke a signing key',
        description:
          'What it signed is refused from now on, here; others learn it when they next fetch the published keys. Refresh tokens go on working.',
        params: KidParams,
        response: NoContent,
      },
    },
    async (request, reply) => {
      await revokeKey(unit, keys, administrator(request), request.params.kid);
      return reply.code(204).send(null);
    },
  );
}
