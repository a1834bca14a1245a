import type { FastifyInstance } from 'fastify';
import { deviceTokenOf, sendSignIn } from '../../core/signin/index.ts';
import { typed } from '../../platform/http/server.ts';
import { beginEnrolment, confirmEnrolment } from './enrol.ts';
import type { Deps } from './routes.ts';
import * as schema from './schema.ts';

const tags = ['Sign-in'];
const rules = { access: 'public', limits: 'login' } as const;

/** For accounts of which REQUIRE_MFA wants a factor before they get any token (MFA-11). */
export function enrolRoutes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/auth/mfa/enroll/totp`;
  typed(app).post(
    path,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Enrol an authenticator app before the sign-in goes on',
        description: 'After `mfa_enrollment_required`. The secret counts once `/confirm` has seen a code of it.',
        body: schema.TokenBody,
        response: schema.EnrolAnswers,
      },
    },
    async (request) => beginEnrolment(deps, request.body.mfa_token, request.from),
  );
  typed(app).post(
    `${path}/confirm`,
    {
      config: rules,
      schema: {
        tags,
        summary: 'Confirm the authenticator app, and be signed in',
        description: 'Answers like login, with `recovery_codes`, which are shown once.',
        body: schema.ConfirmBody,
        response: schema.MfaAnswers,
      },
    },
    async (request, reply) => {
      const deviceToken = deviceTokenOf(request, deps.cookies);
      const step = { ...request.body, device_token: deviceToken };
      const { outcome, recoveryCodes } = await confirmEnrolment(deps, step, request.from);
      return sendSignIn(deps, reply, outcome, recoveryCodes === null ? {} : { recovery_codes: recoveryCodes });
    },
  );
}
