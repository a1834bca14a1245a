import type { FastifyInstance } from 'fastify';
import { passkeyResponseOf } from '../../core/passkeys/index.ts';
import { deviceTokenOf, replySignIn } from '../../core/signin/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import type { OwnPasskeysDeps } from './own-passkeys.ts';
import * as schema from './schema.ts';
import { type SignInDeps, signInWithPasskey } from './sign-in.ts';
import type { SignUpDeps } from './sign-up.ts';

export type Deps = SignInDeps &
  SignUpDeps &
  OwnPasskeysDeps &
  Pick<House, 'config' | 'db' | 'cookies' | 'tokens' | 'sessions' | 'metrics' | 'idempotency'>;

const tags = ['Sign-in'];

export function routes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/auth/passkeys`;
  typed(app).post(
    `${path}/options`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags,
        summary: 'Options for signing in with a passkey',
        description:
          'For `PublicKeyCredential.parseRequestOptionsFromJSON` and `navigator.credentials.get`, with `mediation: "conditional"` too. No account is looked up: `allowCredentials` is always empty, and the authenticator says who it is. The challenge lives five minutes, and for one use.',
        body: schema.OptionsBody,
        response: { 200: schema.RequestOptions },
      },
    },
    async (request, reply) => {
      const options = await deps.passkeys.assertionOptions(
        deps.db,
        'passkey-sign-in',
        { userId: null },
        request.from.now,
      );
      return reply.send(options as never);
    },
  );
  verifyRoute(app, deps, path);
  relatedOrigins(app, deps);
}

function verifyRoute(app: FastifyInstance, deps: Deps, path: string): void {
  typed(app).post(
    `${path}/verify`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags,
        summary: 'Sign in with a passkey',
        description:
          'The body is what `credential.toJSON()` gives, or has it under `credential`. A passkey with user verification is two factors: no other one is asked for. 401 `passkey_invalid` is one answer for everything that is wrong with it; 403 `email_not_verified` comes only after a right one.',
        body: schema.VerifyBody,
        response: schema.SignInAnswers,
      },
    },
    async (request, reply) =>
      replySignIn(deps, reply, async () => {
        const how = { session: request.body.session, deviceToken: deviceTokenOf(request, deps.cookies) };
        return signInWithPasskey(deps, passkeyResponseOf(request.body), how, request.from);
      }),
  );
}

/** WebAuthn Level 3, section 5.11: browsers ask the RP id's own host which other origins may use its passkeys. */
function relatedOrigins(app: FastifyInstance, { config }: Deps): void {
  const origins = [...config.webauthn.origins];
  const isNeeded = origins.some((origin) => origin !== config.PUBLIC_URL);
  typed(app).get(
    '/.well-known/webauthn',
    {
      config: { access: 'public', limits: 'none' },
      schema: {
        tags: ['Operations'],
        summary: 'Origins that may use the passkeys of this server',
        description: 'WebAuthn Level 3, section 5.11. 404 unless WEBAUTHN_ORIGINS names others than PUBLIC_URL.',
        response: { 200: schema.RelatedOrigins },
      },
    },
    async (_request, reply) => {
      if (!isNeeded) throw new Refusal('not_found');
      return reply.header('cache-control', 'public, max-age=3600').send({ origins });
    },
  );
}
