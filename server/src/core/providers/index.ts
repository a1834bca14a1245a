import {
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  refreshTokenGrant,
  type TokenEndpointResponse,
} from 'openid-client';
import type { Config, ProviderSettings } from '../../config/config.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import { createCircuit } from './circuit.ts';
import { createConversations } from './conversation.ts';
import { exchangeCode, type ProviderTokens, type Return } from './exchange.ts';
import { refusalOf } from './failure.ts';
import { createMetadata } from './metadata.ts';
import { limitedFetch } from './outgoing.ts';
import type { Profile } from './profile.ts';

export type { ProviderTokens, Return } from './exchange.ts';
export type { Profile } from './profile.ts';

/** All calls of one sign-in together. */
const PATIENCE_MS = 5000;

/**
 * Sign-in at somebody else's: OpenID Connect issuers and GitHub, as configured. Talks to providers and judges what they
 * answer; stores nothing, and decides nothing about accounts.
 */
export interface Provider {
  readonly settings: ProviderSettings;
  readonly redirectUri: string;
  /** Where the browser is sent, and what must be kept until it comes back. */
  begin(state: string): Promise<{ url: string; nonce: string; verifier: string }>;
  /** Who came back; `tokens` only where they are to be kept. */
  finish(back: Return): Promise<{ profile: Profile; tokens: ProviderTokens | null }>;
  /** New tokens; refused as `provider_denied` where the provider does not give any more. */
  refresh(tokens: ProviderTokens): Promise<ProviderTokens>;
}

export interface Providers {
  readonly list: readonly Provider[];
  /** Throws `provider_unknown`. */
  byId(id: string): Provider;
}

export interface ProvidersDeps {
  config: Pick<Config, 'providers' | 'OAUTH_REDIRECT_URL'>;
  clock: Clock;
  /** A provider is away, and nobody is sent there for a while. */
  onAway(provider: string, error: Error): void;
}

export function createProviders(deps: ProvidersDeps): Providers {
  const list = deps.config.providers.map((settings) => createProvider(settings, deps));
  const known = new Map(list.map((one) => [one.settings.id, one]));
  return {
    list,
    byId(id) {
      const provider = known.get(id);
      if (provider === undefined) throw new Refusal('provider_unknown');
      return provider;
    },
  };
}

function createProvider(settings: ProviderSettings, { config, clock, onAway }: ProvidersDeps): Provider {
  const circuit = createCircuit(clock, (error) => onAway(settings.id, error));
  const metadataOf = createMetadata(settings, clock, () => limitedFetch(PATIENCE_MS));
  const conversations = createConversations(settings, () => clock.now());
  const redirectUri = `${config.OAUTH_REDIRECT_URL}/${settings.id}`;
  const guarded = <T>(work: () => Promise<T>): Promise<T> =>
    circuit.run(() => work().catch((error: unknown) => Promise.reject(refusalOf(error))));
  return {
    settings,
    redirectUri,
    begin: (state) =>
      guarded(async () => {
        const configuration = conversations.open(await metadataOf(), limitedFetch(PATIENCE_MS));
        const [verifier, nonce] = [randomPKCECodeVerifier(), randomNonce()];
        const url = buildAuthorizationUrl(configuration, {
          ...settings.parameters,
          redirect_uri: redirectUri,
          scope: settings.scopes,
          state,
          code_challenge: await calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          ...(settings.protocol === 'oidc' ? { nonce } : {}),
          ...(settings.responseMode === 'query' ? {} : { response_mode: settings.responseMode }),
        });
        return { url: url.href, nonce, verifier };
      }),
    finish: (back) =>
      guarded(async () => {
        const from = performance.now();
        const metadata = await metadataOf();
        const fetch = limitedFetch(Math.max(1, Math.round(PATIENCE_MS - (performance.now() - from))));
        const { profile, tokens } = await exchangeCode({ provider: settings, conversations, metadata, fetch }, back);
        return { profile, tokens: settings.storesTokens ? tokensOf(tokens, clock.now()) : null };
      }),
    refresh: (tokens) =>
      guarded(async () => {
        const configuration = conversations.open(await metadataOf(), limitedFetch(PATIENCE_MS));
        const fresh = await refreshTokenGrant(configuration, tokens.refreshToken ?? '').catch((error: unknown) => {
          if ((error as { error?: unknown } | null)?.error !== 'invalid_grant') throw error;
          throw new Refusal('provider_denied', { detail: 'The provider gives no new token: sign in with it again.' });
        });
        const { refreshToken, ...rest } = tokensOf(fresh, clock.now());
        return { ...rest, refreshToken: refreshToken ?? tokens.refreshToken };
      }),
  };
}

function tokensOf(tokens: TokenEndpointResponse, now: number): ProviderTokens {
  return {
    accessToken: tokens.access_token,
    refreshToken: tokens.refresh_token ?? null,
    expiresAt: tokens.expires_in === undefined ? null : now + tokens.expires_in * 1000,
    scope: tokens.scope ?? null,
  };
}
