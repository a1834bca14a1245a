import { Type } from 'typebox';
import type { Config } from '../../config/config.ts';
import { type CookieNames, setCookie } from '../../platform/http/cookies.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Tokens } from '../tokens/index.ts';
import { UserView, userView } from '../users/index.ts';
import type { SignedIn } from './index.ts';

/** The body of every answer "like login" (contract, "Accounts and sessions"). */
export const SignedInView = Type.Object(
  {
    status: Type.Literal('complete'),
    access_token: Type.Optional(Type.String({ description: 'A JWT (RFC 9068). Absent in cookie mode.' })),
    token_type: Type.Optional(Type.Literal('Bearer')),
    expires_in: Type.Optional(Type.Integer({ description: 'Seconds that the access token lives.' })),
    refresh_token: Type.Optional(Type.String()),
    csrf_token: Type.Optional(Type.String({ description: 'Cookie mode only: for `X-CSRF-Token` on unsafe methods.' })),
    device_token: Type.Optional(Type.String({ description: 'Send it with the next sign-in from this device.' })),
    user: UserView,
  },
  { $id: 'SignedIn' },
);

/** What every call that ends like login takes beside its own fields. */
export const SignInFields = {
  session: Type.Optional(
    Type.Union([Type.Literal('token'), Type.Literal('cookie')], {
      default: 'token',
      description: '`token`: tokens in the body. `cookie`: a session cookie, for browsers on this origin.',
    }),
  ),
  device_token: Type.Optional(Type.String({ maxLength: 100, description: 'From an earlier sign-in on this device.' })),
};

export interface SignedInAnswer {
  body: Record<string, unknown>;
  cookies: string[];
}

interface Deps {
  tokens: Tokens;
  sessions: Sessions;
  cookies: CookieNames;
  config: Pick<Config, 'JWT_REFRESH_EXPIRES_IN' | 'SESSION_MAX_AGE'>;
}

const DEVICE_SECONDS = 180 * 24 * 3600;

export function answerSignedIn({ tokens, sessions, cookies, config }: Deps, signedIn: SignedIn): SignedInAnswer {
  const { principal, secret, deviceToken } = signedIn;
  const user = userView(principal.user);
  if (principal.kind === 'cookie') {
    return {
      body: { status: 'complete', csrf_token: sessions.csrfTokens(principal.sessionId)[0], user },
      cookies: [
        setCookie(cookies, cookies.session, secret, config.SESSION_MAX_AGE),
        setCookie(cookies, cookies.device, deviceToken, DEVICE_SECONDS),
      ],
    };
  }
  const { token, expiresIn } = tokens.issue(principal);
  return {
    body: {
      status: 'complete',
      access_token: token,
      token_type: 'Bearer',
      expires_in: expiresIn,
      refresh_token: secret,
      device_token: deviceToken,
      user,
    },
    cookies: [],
  };
}
