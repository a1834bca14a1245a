import type { FastifyInstance } from 'fastify';
import type { Static } from 'typebox';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import { setCookie } from '../../platform/http/cookies.ts';
import { requireSession } from '../../platform/http/guard.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type ReauthenticateDeps, reauthenticate } from './reauthenticate.ts';
import { CsrfAnswers, OptionsAnswers, ReauthenticateAnswers, ReauthenticateBody } from './schema.ts';
import { type ReauthenticateByFactorDeps, reauthenticateByFactor, renewingFactors } from './show-factor.ts';

export type Deps = ReauthenticateDeps &
  ReauthenticateByFactorDeps &
  Pick<House, 'config' | 'cookies' | 'tokens' | 'sessions' | 'passkeys'>;

const tags = ['Sessions'];

export function routes(app: FastifyInstance, deps: Deps): void {
  const { config, cookies, tokens, sessions } = deps;
  typed(app).post(
    `${config.API_PREFIX}/auth/reauthenticate`,
    {
      config: { access: 'session', limits: 'login', withoutFactor: true },
      schema: {
        tags,
        summary: 'Prove again who you are',
        description:
          'By the password, or by a second factor (`factor` with `code` or `credential`). Renews `auth_time` of this session; sensitive changes take it within REAUTH_WITHIN, and changes of factors take a second factor where the account has one.',
        body: ReauthenticateBody,
        response: ReauthenticateAnswers,
      },
    },
    async (request, reply) => {
      const before = requireSession(request);
      const cookie = await prove(deps, before, request.body, request.from);
      const principal = await sessions.reload(before.sessionId);
      const base = { status: 'complete' as const, auth_time: Math.floor(principal.authenticatedAt / 1000) };
      if (cookie !== null) {
        reply.header('set-cookie', setCookie(cookies, cookies.session, cookie, config.SESSION_MAX_AGE));
        return { ...base, csrf_token: sessions.csrfTokens(principal.sessionId)[0] as string };
      }
      const { token, expiresIn } = tokens.issue(principal);
      return { ...base, access_token: token, token_type: 'Bearer' as const, expires_in: expiresIn };
    },
  );
  optionsRoute(app, deps);

  typed(app).get(
    `${config.API_PREFIX}/auth/csrf`,
    {
      config: { access: 'session', withoutFactor: true },
      schema: { tags, summary: 'The CSRF token of the cookie session', response: CsrfAnswers },
    },
    async (request) => {
      const principal = requireSession(request);
      if (principal.kind !== 'cookie')
        throw new Refusal('malformed_request', { detail: 'Only cookie sessions have one.' });
      return { csrf_token: sessions.csrfTokens(principal.sessionId)[0] as string };
    },
  );
}

function optionsRoute(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/auth/reauthenticate/passkey-options`,
    {
      config: { access: 'session', limits: 'login', withoutFactor: true },
      schema: {
        tags,
        summary: 'Options for proving it by a passkey',
        description: 'For `navigator.credentials.get`; the answer goes to `POST /auth/reauthenticate` as `credential`.',
        response: OptionsAnswers,
      },
    },
    async (request, reply) => {
      const { user, sessionId } = requireSession(request);
      if (!renewingFactors(user, deps.config).includes('passkey')) throw new Refusal('not_found');
      const about = { userId: user.id, flow: sessionId };
      const { now } = request.from;
      const options = await deps.unit.change((tx) => deps.passkeys.assertionOptions(tx, 'passkey-factor', about, now));
      return reply.send(options as never);
    },
  );
}

async function prove(
  deps: Deps,
  principal: Principal,
  body: Static<typeof ReauthenticateBody>,
  origin: RequestOrigin,
): Promise<string | null> {
  const { password, factor, code, credential } = body;
  if ((password === undefined) === (factor === undefined)) {
    const errors = [{ field: 'password', code: 'required', message: 'give one of `password` and `factor`' }];
    throw new Refusal('validation_failed', { errors });
  }
  if (password !== undefined) return reauthenticate(deps, principal, password, origin);
  return reauthenticateByFactor(deps, principal, { factor: factor as never, code, response: credential }, origin);
}
