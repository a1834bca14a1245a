import { Type } from 'typebox';
import type { Config } from '../../config/config.ts';
import { type CookieNames, readCookie, setCookie } from '../../platform/http/cookies.ts';
import type { Sessions } from '../sessions/index.ts';
import type { Tokens } from '../tokens/index.ts';
import { UserView, userView } from '../users/index.ts';
import type { Outcome, SignedIn } from './index.ts';

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
    mfa_due_at: Type.Optional(
      Type.String({ format: 'date-time', description: 'REQUIRE_MFA: enrol a second factor before this time.' }),
    ),
    return_to: Type.Optional(Type.String({ description: 'Where to go now: the allowed address that was asked for.' })),
    recovery_codes: Type.Optional(
      Type.Array(Type.String(), { description: 'Shown once, where the sign-in enrolled the first second factor.' }),
    ),
    user: UserView,
  },
  { $id: 'SignedIn' },
);

const FactorName = Type.Union(
  (['passkey', 'totp', 'email', 'password', 'recovery_code'] as const).map((name) => Type.Literal(name)),
);

/** The first factor is proven; `POST /auth/mfa` takes another. */
const MfaRequiredView = Type.Object(
  {
    status: Type.Literal('mfa_required'),
    mfa_token: Type.String({ description: 'For `POST /auth/mfa`: ten minutes, five tries.' }),
    factors: Type.Array(FactorName),
  },
  { $id: 'MfaRequired' },
);

/** Policy (REQUIRE_MFA) wants a second factor, and the account has none. */
const MfaEnrollmentRequiredView = Type.Object(
  {
    status: Type.Literal('mfa_enrollment_required'),
    mfa_token: Type.String({ description: 'For `POST /auth/mfa/enroll`: thirty minutes.' }),
  },
  { $id: 'MfaEnrollmentRequired' },
);

/** What signing in comes to, by whatever method. */
export const SignInAnswer = Type.Union([SignedInView, MfaRequiredView, MfaEnrollmentRequiredView]);

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

export interface SignInRequest {
  session?: 'token' | 'cookie';
  device_token?: string;
}

export interface HttpAnswer {
  body: Record<string, unknown>;
  cookies: string[];
}

export interface AnswerDeps {
  tokens: Tokens;
  sessions: Sessions;
  cookies: CookieNames;
  config: Pick<Config, 'JWT_REFRESH_EXPIRES_IN' | 'SESSION_MAX_AGE'>;
}

const DEVICE_SECONDS = 180 * 24 * 3600;

/** The device token of a request: in its body, else the cookie. */
export function deviceTokenOf(
  request: { body: SignInRequest; headers: { cookie?: string | undefined } },
  cookies: CookieNames,
): string | undefined {
  return request.body.device_token ?? readCookie(request.headers.cookie, cookies.device);
}

/** The body and the cookies of what a sign-in came to. */
export function answerSignIn(deps: AnswerDeps, outcome: Outcome): HttpAnswer {
  if (outcome.status === 'complete') {
    const { body, cookies } = answerSignedIn(deps, outcome.signedIn);
    return { body: { ...body, ...(outcome.returnTo === undefined ? {} : { return_to: outcome.returnTo }) }, cookies };
  }
  const { status, token } = outcome;
  const factors = outcome.status === 'mfa_required' ? { factors: outcome.factors } : {};
  return { body: { status, mfa_token: token, ...factors }, cookies: [] };
}

function answerSignedIn({ tokens, sessions, cookies, config }: AnswerDeps, signedIn: SignedIn): HttpAnswer {
  const { principal, secret, deviceToken, factorDueAt } = signedIn;
  const user = userView(principal.user);
  const due = factorDueAt === null ? {} : { mfa_due_at: new Date(factorDueAt).toISOString() };
  if (principal.kind === 'cookie') {
    return {
      body: { status: 'complete', csrf_token: sessions.csrfTokens(principal.sessionId)[0], ...due, user },
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
      ...due,
      user,
    },
    cookies: [],
  };
}

/** As much of a reply as an answer needs. */
interface Replying<R> {
  header(name: 'set-cookie', value: string[]): unknown;
  send(body: never): R;
}

export interface ReplyDeps extends AnswerDeps {
  metrics: { login(outcome: string): void };
}

/** Answers with what a sign-in came to, and counts it. */
export function sendSignIn<R>(
  deps: ReplyDeps,
  reply: Replying<R>,
  outcome: Outcome,
  more: Record<string, unknown> = {},
): R {
  const { body, cookies } = answerSignIn(deps, outcome);
  deps.metrics.login(outcome.status === 'complete' ? 'success' : outcome.status);
  if (cookies.length > 0) reply.header('set-cookie', cookies);
  return reply.send({ ...body, ...more } as never);
}

/** The same where what fails is counted, too. */
export async function replySignIn<R>(
  deps: ReplyDeps,
  reply: Replying<R>,
  signIn: () => Promise<Outcome>,
  failure = 'failure',
): Promise<R> {
  try {
    return sendSignIn(deps, reply, await signIn());
  } catch (error) {
    deps.metrics.login(failure);
    throw error;
  }
}
