import type { FastifyInstance } from 'fastify';
import { deviceTokenOf, type Factor, replySignIn } from '../../core/signin/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import type { EnrolDeps } from './enrol.ts';
import * as schema from './schema.ts';
import { type SendCodeDeps, sendCode } from './send-code.ts';
import { type ShowFactorDeps, showFactor } from './show-factor.ts';
import type { TellUnfinishedDeps } from './tell-unfinished.ts';

export type Deps = ShowFactorDeps &
  SendCodeDeps &
  EnrolDeps &
  TellUnfinishedDeps &
  Pick<House, 'config' | 'passkeys' | 'tokens' | 'sessions' | 'cookies' | 'metrics'>;

const tags = ['Sign-in'];
const rules = { access: 'public', limits: 'login' } as const;

export function routes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/auth/mfa`;
  typed(app).post(
    path,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Prove the second factor',
        description:
          'Ends a sign-in that answered `mfa_required`: a code with its `factor`, or a passkey’s response (options from `/auth/mfa/passkey-options`). 401 `mfa_invalid` is one answer for wrong, used and expired; after five tries sign in again.',
        body: schema.MfaBody,
        response: schema.MfaAnswers,
      },
    },
    async (request, reply) => {
      const { mfa_token: token, factor, code, trust_device: trustDevice, session } = request.body;
      const response = passkeyResponse(request.body);
      const name: Factor | undefined = factor ?? (response === undefined ? undefined : 'passkey');
      if (name === undefined) {
        const errors = [{ field: 'factor', code: 'required', message: 'is missing: one of `factors`' }];
        throw new Refusal('validation_failed', { errors });
      }
      const shown = { factor: name, code, response };
      const deviceToken = deviceTokenOf(request, deps.cookies);
      const step = { token, shown, session, deviceToken, trustDevice };
      return replySignIn(deps, reply, () => showFactor(deps, step, request.from), 'mfa_failed');
    },
  );
  sendRoutes(app, deps, path);
}

function sendRoutes(app: FastifyInstance, deps: Deps, path: string): void {
  typed(app).post(
    `${path}/passkey-options`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Options for a passkey as second factor',
        description: 'For `navigator.credentials.get`; the answer goes to `POST /auth/mfa` with the same `mfa_token`.',
        body: schema.TokenBody,
        response: schema.OptionsAnswers,
      },
    },
    async (request, reply) => {
      const { now } = request.from;
      const options = await deps.unit.change(async (tx) => {
        const pending = await deps.signIn.peek(tx, 'mfa', request.body.mfa_token, now);
        if (pending === null || !pending.factors.includes('passkey')) throw new Refusal('mfa_invalid');
        const about = { userId: pending.user.id, flow: pending.id };
        return deps.passkeys.assertionOptions(tx, 'passkey-factor', about, now);
      });
      return reply.send(options as never);
    },
  );
  typed(app).post(
    `${path}/email`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Send the second factor by mail',
        description: 'Where `factors` has `email`: a code of six digits for this very sign-in.',
        body: schema.TokenBody,
        response: schema.SentAnswers,
      },
    },
    async (request, reply) => {
      await sendCode(deps, request.body.mfa_token, request.from);
      return reply.code(202).send({ status: 'sent' });
    },
  );
}

interface PasskeyFields {
  id?: string;
  response?: Record<string, unknown>;
  credential?: Record<string, unknown>;
}

/** The browser's response, at the top of the body or nested in it. */
function passkeyResponse(body: PasskeyFields & Record<string, unknown>): Record<string, unknown> | undefined {
  if (body.credential !== undefined) return body.credential;
  if (body.response === undefined) return undefined;
  if (body.id === undefined && 'response' in body.response) return body.response;
  const { id, rawId, type, response, authenticatorAttachment, clientExtensionResults } = body;
  return { id, rawId, type, response, authenticatorAttachment, clientExtensionResults };
}
