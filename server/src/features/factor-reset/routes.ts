import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { typed } from '../../platform/http/server.ts';
import { OneTimeToken } from '../../platform/http/shapes.ts';
import type { House } from '../feature.ts';
import type { ApplyDueDeps } from './apply-due.ts';
import { vetoFactorReset } from './veto.ts';

const VetoToken = Type.String({ ...OneTimeToken, examples: ['vf_8Jd2…'] });

export type Deps = ApplyDueDeps & Pick<House, 'config'>;

export function routes(app: FastifyInstance, { config, unit }: Deps): void {
  typed(app).post(
    `${config.API_PREFIX}/auth/factor-reset/veto`,
    {
      config: { access: 'public' },
      schema: {
        tags: ['Sign-in'],
        summary: 'Stop the removal of my second factors',
        description: 'With the token of the mail that announced it, before it is due. 400 `token_invalid` afterwards.',
        body: Type.Object({ token: VetoToken }, { additionalProperties: false }),
        response: { 200: Type.Object({ status: Type.Literal('vetoed') }) },
      },
    },
    async (request) => {
      await vetoFactorReset(unit, request.body.token, request.from);
      return { status: 'vetoed' as const };
    },
  );
}
