import { explainClientAddress } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { tags } from './schema.ts';
import { ClientIpAnswers } from './schema-installation.ts';

export function explainClientIpRoute(app: HttpApp, { config }: Pick<House, 'config'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/diagnostics/client-ip`,
    {
      config: { access: { permission: 'diagnostics:read' } },
      schema: {
        tags: tags.operations,
        summary: 'Which address the server takes for yours, and why',
        response: ClientIpAnswers,
      },
    },
    async (request) =>
      explainClientAddress(
        {
          address: request.from.address,
          peer: request.raw.socket.remoteAddress ?? '',
          forwardedFor: request.headers['x-forwarded-for'],
        },
        config.TRUSTED_PROXIES,
      ),
  );
}
