import type { Unit } from '../../core/effects/index.ts';
import { useOneTime } from '../../core/one-time/index.ts';
import type { Providers } from '../../core/providers/index.ts';
import type { Outcome, SignIn } from '../../core/signin/index.ts';
import { findUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { CookieNames } from '../../platform/http/cookies.ts';
import { flowOf } from './binding.ts';
import { enter } from './enter.ts';

export interface ExchangeDeps {
  unit: Unit;
  signIn: SignIn;
  encryption: Encryption;
  cookies: CookieNames;
  providers: Providers;
}

export interface Exchange {
  code: string;
  code_verifier?: string;
  session?: 'token' | 'cookie';
  device_token?: string | undefined;
}

/** The code that was sent to the return address, once, by who began: whatever comes of it, it is used up. */
export async function exchange(
  deps: ExchangeDeps,
  body: Exchange,
  cookie: string | undefined,
  origin: RequestOrigin,
): Promise<Outcome> {
  const flow = flowOf(deps.cookies, body.code, { cookie, verifier: body.code_verifier });
  if (flow === null) throw new Refusal('token_invalid');
  const result = await deps.unit.change(async (tx, record): Promise<Outcome | Refusal> => {
    const row = await useOneTime(tx, 'provider-code', body.code, origin.now, flow);
    const provider = row.data.provider as string;
    const user = await findUser(tx, row.user_id as string);
    const isThere = deps.providers.list.some((one) => one.settings.id === provider);
    if (user === undefined || !isThere) return new Refusal('token_invalid');
    // The first factor has been judged already, and what waits is the second one.
    if (row.data.outcome !== undefined)
      return JSON.parse(deps.encryption.open('provider-code', row.data.outcome)) as Outcome;
    const { session: mode = 'token', device_token: deviceToken } = body;
    return enter(deps.signIn, tx, record, { user, provider, mode, deviceToken, origin });
  });
  if (result instanceof Refusal) throw result;
  return result;
}
