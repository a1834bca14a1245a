import type { FastifyInstance } from 'fastify';
import type { MailSignInDeps } from '../../core/mail-sign-in/index.ts';
import { deviceTokenOf, replySignIn } from '../../core/signin/index.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { sendCode, useCode } from './mail-code.ts';
import { SendAnswers, SendBody, VerifyAnswers, VerifyBody } from './schema.ts';

export type Deps = MailSignInDeps & Pick<House, 'config' | 'tokens' | 'sessions' | 'cookies' | 'metrics'>;

const tags = ['Sign-in'];
const rules = { access: 'public', limits: 'login' } as const;

export function routes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/auth/otp`;
  typed(app).post(
    path,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Ask for a sign-in code by mail',
        description:
          '202 always, whether the address is known or not. The code works for ten minutes, once, and only with this `flow`. An address without an account gets one when the code is used, if SIGN_UP_BY_MAIL is on and registration is open.',
        body: SendBody,
        response: SendAnswers,
      },
    },
    async (request, reply) => {
      const asked = { email: request.body.email, deviceToken: deviceTokenOf(request, deps.cookies) };
      const flow = await sendCode(deps, asked, request.from);
      return reply.code(202).send({ status: 'sent', flow });
    },
  );

  typed(app).post(
    `${path}/verify`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Sign in with a code from a mail',
        description:
          'Five tries. 400 `token_invalid` is one answer for wrong, used, expired and out of tries: then ask for a new code. `mfa_required`: go on with `POST /auth/mfa`.',
        body: VerifyBody,
        response: VerifyAnswers,
      },
    },
    async (request, reply) => {
      const { session: mode = 'token' } = request.body;
      const entering = { mode, deviceToken: deviceTokenOf(request, deps.cookies), origin: request.from };
      return replySignIn(deps, reply, () => useCode(deps, request.body, entering));
    },
  );
}
