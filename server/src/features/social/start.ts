import type { Config } from '../../config/config.ts';
import { issueOneTime } from '../../core/one-time/index.ts';
import type { Provider, Providers } from '../../core/providers/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { randomToken } from '../../lib/random.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db } from '../../platform/db/index.ts';
import type { Encryption } from '../../platform/encryption.ts';
import type { CookieNames } from '../../platform/http/cookies.ts';
import type { Principal } from '../../platform/http/principal.ts';
import { bindToBrowser, tidyJar } from './binding.ts';
import { type ReturnTo, readReturnTo } from './return-to.ts';

export interface StartDeps {
  config: Pick<Config, 'PUBLIC_URL' | 'CORS_ORIGIN'>;
  db: Db;
  encryption: Encryption;
  cookies: CookieNames;
  providers: Providers;
}

export interface StartQuery {
  return_to?: string;
  code_challenge?: string;
  session?: 'token' | 'cookie';
}

/** What is kept of a flow until the browser comes back; nothing of it travels through the provider (I-011, I-049). */
export interface Kept {
  provider: string;
  /** Sealed: nonce and PKCE verifier. */
  secrets: string;
  return_to?: string;
  challenge?: string;
  session?: 'token' | 'cookie';
  /** The session that links the provider to its user. */
  linking_session?: string;
}

export interface Started {
  readonly url: string;
  readonly cookies: string[];
}

export async function start(
  deps: StartDeps,
  providerId: string,
  query: StartQuery,
  from: { origin: RequestOrigin; cookie: string | undefined },
): Promise<Started> {
  const provider = deps.providers.byId(providerId);
  const { return_to, code_challenge: challenge, session } = query;
  const returnTo = return_to === undefined ? null : requireReturnTo(deps, return_to);
  const hasChallenge = challenge !== undefined && /^[A-Za-z0-9_-]{43}$/.test(challenge);
  if (challenge !== undefined ? !hasChallenge : returnTo?.kind === 'app') {
    throw new Refusal('return_to_not_allowed', {
      detail: 'An application sends `code_challenge`: 43 characters, base64url of the SHA-256 of its verifier.',
    });
  }
  if (challenge !== undefined && returnTo === null) {
    throw new Refusal('return_to_not_allowed', { detail: '`code_challenge` takes a `return_to`.' });
  }
  const kept = {
    ...(returnTo === null ? {} : { return_to: returnTo.url }),
    ...(challenge === undefined ? {} : { challenge }),
    ...(session === undefined ? {} : { session }),
  };
  return begin(deps, provider, null, kept, from);
}

/** The same for a signed-in user who adds the provider: bound to the session that asks (I-004). */
export async function startLinking(
  deps: StartDeps,
  providerId: string,
  returnTo: string,
  principal: Principal,
  from: { origin: RequestOrigin; cookie: string | undefined },
): Promise<Started> {
  const provider = deps.providers.byId(providerId);
  const { url } = requireReturnTo(deps, returnTo);
  return begin(deps, provider, principal.user.id, { return_to: url, linking_session: principal.sessionId }, from);
}

async function begin(
  { db, encryption, cookies }: StartDeps,
  provider: Provider,
  userId: string | null,
  kept: Omit<Kept, 'provider' | 'secrets'>,
  { origin, cookie }: { origin: RequestOrigin; cookie: string | undefined },
): Promise<Started> {
  const { id, responseMode } = provider.settings;
  const state = randomToken('st');
  const { url, nonce, verifier } = await provider.begin(state);
  const isCrossSite = responseMode === 'form_post';
  // The provider is part of the binding: a state that was made for one is nothing at another's callback (I-040).
  const binding = bindToBrowser(cookies, state, { seconds: 600, isCrossSite, scope: id });
  const secrets = encryption.seal('provider-state', JSON.stringify({ nonce, verifier }));
  const data = { provider: id, secrets, ...kept };
  await issueOneTime(db, 'provider-state', { userId, flow: binding.flow, data, value: state }, origin.now);
  return { url, cookies: [...tidyJar(cookies, cookie), ...binding.cookies] };
}

function requireReturnTo({ config }: Pick<StartDeps, 'config'>, text: string): ReturnTo {
  const returnTo = readReturnTo(text, config);
  if (returnTo === null) throw new Refusal('return_to_not_allowed');
  return returnTo;
}
