import type { FastifyInstance } from 'fastify';
import { deviceTokenOf, type Outcome, replySignIn, type SignInRequest } from '../../core/signin/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { flowCookie, flowsOf } from './flow.ts';
import { type MagicLinkDeps, sendLink, showCode, useLink, useShownCode } from './magic-link.ts';
import { CodeAnswers, CodeBody, SendAnswers, SendBody, VerifyAnswers, VerifyBody } from './schema.ts';

export type Deps = MagicLinkDeps & Pick<House, 'config' | 'tokens' | 'sessions' | 'cookies' | 'metrics'>;

const tags = ['Sign-in'];
const rules = { access: 'public', limits: 'login' } as const;

export function routes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/auth/magic-link`;
  sendRoutes(app, deps, path);
  typed(app).post(
    `${path}/verify`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Sign in with a link from a mail',
        description:
          'With the `flow` of where it was asked for (in the body, else from the cookie). 409 `opened_elsewhere`: the link is good, but not here, and it is not used up: `POST /auth/magic-link/code` turns it into a code, which is taken here instead of the token, five times at most. Everything else is 400 `token_invalid`. `mfa_required`: go on with `POST /auth/mfa`.',
        body: VerifyBody,
        response: VerifyAnswers,
      },
    },
    async (request, reply) => replySignIn(deps, reply, () => enter(deps, request, request.from)),
  );
}

function sendRoutes(app: FastifyInstance, deps: Deps, path: string): void {
  typed(app).post(
    path,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Ask for a sign-in link by mail',
        description:
          '202 always, whether the address is known or not. The link works for ten minutes, once, and only with this `flow`. An address without an account gets one when the link is used, if SIGN_UP_BY_MAIL is on and registration is open.',
        body: SendBody,
        response: SendAnswers,
      },
    },
    async (request, reply) => {
      const { email, return_to: returnTo } = request.body;
      const asked = { email, returnTo, deviceToken: deviceTokenOf(request, deps.cookies) };
      const earlier = flowsOf(request.headers.cookie, deps.cookies);
      const flow = await sendLink(deps, asked, request.from);
      reply.header('set-cookie', flowCookie(deps.cookies, flow, earlier));
      return reply.code(202).send({ status: 'sent', flow });
    },
  );

  typed(app).post(
    `${path}/code`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Turn a link that was opened elsewhere into a code',
        description:
          'Uses the link up. The code is to be typed where the link was asked for: it works with that `flow` only, for as long as the link would have, and signs nobody in here.',
        body: CodeBody,
        response: CodeAnswers,
      },
    },
    async (request) => ({ code: await showCode(deps, request.body.token, request.from) }),
  );
}

interface Verifying {
  body: SignInRequest & { flow?: string; token?: string; code?: string };
  headers: { cookie?: string | undefined };
}

function enter(deps: Deps, request: Verifying, origin: RequestOrigin): Promise<Outcome> {
  const { flow, token, code, session: mode = 'token' } = request.body;
  if ((token === undefined) === (code === undefined)) {
    const message = token === undefined ? 'is missing: the token of the link, or a code' : 'is not sent with a code';
    throw new Refusal('validation_failed', { errors: [{ field: 'token', code: 'one_of', message }] });
  }
  const flows = flow === undefined ? flowsOf(request.headers.cookie, deps.cookies) : [flow];
  const entering = { mode, deviceToken: deviceTokenOf(request, deps.cookies), origin };
  return code === undefined
    ? useLink(deps, { token: token as string, flows }, entering)
    : useShownCode(deps, { code, flows }, entering);
}
