import type { FastifyInstance } from 'fastify';
import { answerSignIn } from '../../core/signin/index.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { SetupAnswers, SetupBody } from './schema.ts';
import { type SetUpDeps, setUp } from './set-up.ts';

export type Deps = SetUpDeps & Pick<House, 'config' | 'tokens' | 'sessions' | 'cookies'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/setup`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags: ['Set-up'],
        summary: 'Make the first administrator',
        description: 'With the one-time link of `npm start` or `auth-api setup-link`, while there is no administrator.',
        body: SetupBody,
        response: SetupAnswers,
      },
    },
    async (request, reply) => {
      const { body, cookies } = answerSignIn(deps, await setUp(deps, request.body, request.from));
      if (cookies.length > 0) reply.header('set-cookie', cookies);
      return reply.send(body as never);
    },
  );
}
