import type { FastifyInstance } from 'fastify';
import { factorsOf } from '../../core/factors/index.ts';
import { findUser, principalUser } from '../../core/users/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { setCookie } from '../../platform/http/cookies.ts';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import * as schema from './schema.ts';
import { beginTotp, confirmTotp, newRecoveryCodes, type OwnFactorsDeps, removeTotp } from './totp.ts';

export type Deps = OwnFactorsDeps & Pick<House, 'config' | 'db' | 'cookies' | 'sessions'>;

const tags = ['My second factors'];

export function routes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/me/mfa`;
  typed(app).get(
    path,
    {
      config: { access: 'session', withoutFactor: true },
      schema: {
        tags,
        summary: 'My second factors',
        description: 'Which the account has, and what a sign-in asks for.',
        response: schema.StateAnswers,
      },
    },
    async (request) => {
      const row = await findUser(deps.db, requireSession(request).user.id);
      if (row === undefined) throw new Refusal('session_revoked');
      const user = principalUser(row);
      return {
        factors: factorsOf(user, deps.config),
        totp: user.totp,
        email: user.mailFactor,
        passkeys: user.passkeys,
        recovery_codes_left: user.recoveryCodesLeft,
      };
    },
  );
  typed(app).post(
    `${path}/recovery-codes`,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'A new set of recovery codes',
        description: 'Ten codes, shown once; the former set is void at once.',
        response: schema.CodesAnswers,
      },
    },
    async (request) => ({ recovery_codes: await newRecoveryCodes(deps, requireSession(request), request.from) }),
  );
  totpRoutes(app, deps, `${path}/totp`);
}

function totpRoutes(app: FastifyInstance, deps: Deps, path: string): void {
  typed(app).post(
    path,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Enrol an authenticator app',
        description:
          'RFC 6238. The secret is shown once, and counts for nothing until `/confirm` has seen a code of it.',
        response: schema.EnrolAnswers,
      },
    },
    async (request) => beginTotp(deps, requireSession(request), request.from),
  );
  typed(app).post(
    `${path}/confirm`,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Confirm the authenticator app',
        description: 'From here on a sign-in asks for it. The recovery codes are shown once. 401 `mfa_invalid`: wrong.',
        body: schema.CodeBody,
        response: schema.CodesAnswers,
      },
    },
    async (request, reply) => {
      const principal = requireSession(request);
      const { recoveryCodes, cookie } = await confirmTotp(deps, principal, request.body.code, request.from);
      if (cookie === null) return { recovery_codes: recoveryCodes };
      const { cookies, config, sessions } = deps;
      reply.header('set-cookie', setCookie(cookies, cookies.session, cookie, config.SESSION_MAX_AGE));
      return { recovery_codes: recoveryCodes, csrf_token: sessions.csrfTokens(principal.sessionId)[0] as string };
    },
  );
  typed(app).delete(
    path,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Remove the authenticator app',
        description: 'Takes recent authentication with a second factor. With the last factor the recovery codes go.',
        response: schema.NoContent,
      },
    },
    async (request, reply) => {
      await removeTotp(deps, requireSession(request), request.from);
      return reply.code(204).send(null);
    },
  );
}
