import type { FastifyInstance } from 'fastify';
import { passkeyResponseOf } from '../../core/passkeys/index.ts';
import { answerSignIn, deviceTokenOf } from '../../core/signin/index.ts';
import { typed } from '../../platform/http/server.ts';
import type { Deps } from './routes.ts';
import * as schema from './schema.ts';
import { signUp, signUpOptions } from './sign-up.ts';

const tags = ['Sign-up'];
const rules = { access: 'public', limits: 'login' } as const;

export function signUpRoutes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/auth/passkeys/sign-up`;
  typed(app).post(
    `${path}/options`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Options for signing up with a passkey',
        description:
          'For `PublicKeyCredential.parseCreationOptionsFromJSON` and `navigator.credentials.create`. The same shape for free and taken addresses.',
        body: schema.SignUpOptionsBody,
        response: { 200: schema.CreationOptions },
      },
    },
    async (request, reply) => reply.send((await signUpOptions(deps, request.body, request.from)) as never),
  );
  typed(app).post(
    path,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Register an account with a passkey',
        description:
          'The body is what `credential.toJSON()` gives, or has it under `credential`. Answers as `POST /auth/register` does. With `EMAIL_VERIFICATION=optional` it is 201 with `recovery_codes`, shown once; else make them after the first sign-in (`POST /me/mfa/recovery-codes`).',
        body: schema.SignUpBody,
        response: schema.SignUpAnswers,
      },
    },
    async (request, reply) => {
      const response = passkeyResponseOf(request.body);
      const how = { session: request.body.session, deviceToken: deviceTokenOf(request, deps.cookies) };
      const answer = await deps.idempotency.run(
        {
          key: request.headers['idempotency-key'],
          route: 'passkey-sign-up',
          caller: request.from.address,
          body: request.body as Record<string, unknown>,
        },
        async () => {
          const { outcome, recoveryCodes } = await signUp(deps, response, how, request.from);
          if (outcome === null) return { status: 202, body: { status: 'verification_sent' } };
          const { body, cookies } = answerSignIn(deps, outcome);
          reply.header('set-cookie', cookies);
          const codes = recoveryCodes === null ? {} : { recovery_codes: recoveryCodes };
          return { status: 201, body: { ...body, ...codes }, secret: true };
        },
      );
      return reply.code(answer.status as 202).send(answer.body as never);
    },
  );
}
