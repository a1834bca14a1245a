import type { FastifyInstance } from 'fastify';
import { JWKS_MAX_AGE } from '../../core/keys/index.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { createReadiness } from './ready.ts';
import { Health, Jwks, Ready } from './schema.ts';

export type Deps = Pick<House, 'config' | 'db' | 'cache' | 'keys' | 'clock' | 'routes' | 'version' | 'isServing'>;

const open = { access: 'public', limits: 'none' } as const;
const tags = ['Operations'];

export function routes(app: FastifyInstance, { config, db, cache, keys, clock, version, isServing }: Deps): void {
  const startedAt = clock.now();
  const readiness = createReadiness(db, cache);
  typed(app).get(
    config.HEALTH_CHECK_PATH,
    {
      config: open,
      schema: {
        tags,
        summary: 'The process lives',
        description: 'Asks nothing of the database.',
        response: { 200: Health },
      },
    },
    () => Promise.resolve({ status: 'ok' as const, version, uptime_s: Math.floor((clock.now() - startedAt) / 1000) }),
  );
  typed(app).get(
    config.READY_CHECK_PATH,
    {
      config: open,
      schema: {
        tags,
        summary: 'The process can take requests',
        description:
          '503 while it drains, without the database, or on an older schema. A missing Redis leaves it ready.',
        response: { 200: Ready, 503: Ready },
      },
    },
    async (_request, reply) => {
      const answer = await readiness(isServing());
      return reply.code(answer.status === 'ok' ? 200 : 503).send(answer);
    },
  );
  typed(app).get(
    '/.well-known/jwks.json',
    {
      config: open,
      schema: { tags, summary: 'The public keys of access tokens', description: 'RFC 7517.', response: { 200: Jwks } },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${JWKS_MAX_AGE}`);
      return keys.jwks();
    },
  );
}
