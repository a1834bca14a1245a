import { listKeyViews } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { tags } from './schema.ts';
import { KeysAnswers } from './schema-installation.ts';

export function listKeysRoute(app: HttpApp, { config, keys, clock }: Pick<House, 'config' | 'keys' | 'clock'>): void {
  typed(app).get(
    `${config.API_PREFIX}/admin/keys`,
    {
      config: { access: { permission: 'keys:read' } },
      schema: {
        tags: tags.keys,
        summary: 'Signing keys',
        description: 'Never the keys themselves.',
        response: KeysAnswers,
      },
    },
    async () => ({ data: await listKeyViews(keys, clock.now()) }),
  );
}
