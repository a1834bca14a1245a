import { codeAt, stepAt } from '../src/core/factors/index.ts';
import { type Answer, expect, type TestServer, type TestUser } from './kit.ts';

export interface Enrolled {
  secret: string;
  recoveryCodes: string[];
}

/** The code that an authenticator app would show; `ahead` steps later or earlier. */
export function totpCode(server: TestServer, secret: string, ahead = 0): string {
  return codeAt(secret, stepAt(server.clock.now()) + ahead);
}

/** A code that was not used yet: time goes on by a step first. */
export function nextCode(server: TestServer, secret: string): string {
  server.clock.advance(30);
  return totpCode(server, secret);
}

export async function enrolTotp(server: TestServer, user: TestUser): Promise<Enrolled> {
  const bearer = { bearer: user.accessToken };
  const { secret } = expect(await server.post('/me/mfa/totp', undefined, bearer), 200).body;
  const answer = await server.post('/me/mfa/totp/confirm', { code: totpCode(server, secret) }, bearer);
  return { secret, recoveryCodes: expect(answer, 200).body.recovery_codes };
}

/** Signs in as far as the question for the second factor. */
export async function firstFactor(server: TestServer, user: TestUser, more: object = {}): Promise<string> {
  const answer = expect(await server.post('/auth/login', { email: user.email, password: user.password, ...more }), 200);
  if (answer.body.status !== 'mfa_required') throw new Error(`expected mfa_required: ${answer.text}`);
  return answer.body.mfa_token;
}

export function showFactor(
  server: TestServer,
  mfa_token: string,
  factor: string,
  code: string,
  more: object = {},
): Promise<Answer> {
  return server.post('/auth/mfa', { mfa_token, factor, code, ...more });
}
