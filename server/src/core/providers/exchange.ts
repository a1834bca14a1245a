import { authorizationCodeGrant, type Configuration, fetchUserInfo, type ServerMetadata } from 'openid-client';
import type { ProviderSettings } from '../../config/config.ts';
import type { Conversations } from './conversation.ts';
import { invalidAnswer } from './failure.ts';
import { gitHubProfile } from './github.ts';
import { isMultiTenant, issuerOfTenant } from './metadata.ts';
import type { Fetch } from './outgoing.ts';
import { type Profile, profileOf, requireSubject } from './profile.ts';

/** What the browser brought back, and what was kept for it. */
export interface Return {
  /** Our callback with the parameters of the answer in its query. */
  readonly url: URL;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** A name that came beside the answer (Apple, at the first sign-in): a word of the browser's, good for a greeting. */
  readonly name?: string;
}

export interface ProviderTokens {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** Milliseconds; null where the provider did not say. */
  readonly expiresAt: number | null;
  readonly scope: string | null;
}

export type Tokens = Awaited<ReturnType<typeof authorizationCodeGrant>>;

interface Parts {
  provider: ProviderSettings;
  conversations: Conversations;
  metadata: ServerMetadata;
  fetch: Fetch;
}

/**
 * The code becomes a profile. The library checks state, `iss` (RFC 9207), PKCE, and of the ID token: signature, issuer,
 * audience, authorised party, time and nonce, none of which may be missing.
 */
export async function exchangeCode(parts: Parts, back: Return): Promise<{ profile: Profile; tokens: Tokens }> {
  const { provider, conversations, metadata, fetch } = parts;
  if (isMultiTenant(provider)) return exchangeOfTenant(parts, back);
  const configuration = conversations.open(metadata, fetch);
  try {
    const tokens = await grant(configuration, provider, back);
    return { profile: await readProfile(parts, configuration, tokens, back), tokens };
  } finally {
    conversations.close(configuration);
  }
}

/**
 * Every tenant is an issuer of its own, and only the ID token says which. The token endpoint is asked once; then its
 * answer is judged as one of exactly the issuer that it claims to come from.
 */
async function exchangeOfTenant(parts: Parts, back: Return): Promise<{ profile: Profile; tokens: Tokens }> {
  const { provider, metadata, fetch } = parts;
  let answer: string | null = null;
  const keep: Fetch = async (url, options) => {
    const response = await fetch(url, options);
    if (url === metadata.token_endpoint) answer = await response.clone().text();
    return response;
  };
  const first = parts.conversations.open(metadata, keep);
  await grant(first, provider, back).catch((error: unknown) => {
    if (answer === null) throw error;
  });
  const issuer = issuerOfTenant(provider, idTokenIn(answer));
  if (issuer === null) throw invalidAnswer('the ID token names no tenant');
  const replay: Fetch = async (url, options) =>
    url === metadata.token_endpoint
      ? new Response(answer, { headers: { 'content-type': 'application/json' } })
      : fetch(url, options);
  const tenant = { ...metadata, issuer };
  return exchangeCode({ ...parts, provider: { ...provider, issuer }, metadata: tenant, fetch: replay }, back);
}

function idTokenIn(answer: string | null): unknown {
  try {
    return (JSON.parse(answer ?? '') as { id_token?: unknown } | null)?.id_token;
  } catch {
    return undefined;
  }
}

function grant(configuration: Configuration, provider: ProviderSettings, back: Return): Promise<Tokens> {
  return authorizationCodeGrant(configuration, back.url, {
    expectedState: back.state,
    pkceCodeVerifier: back.verifier,
    ...(provider.protocol === 'oidc' ? { expectedNonce: back.nonce, idTokenExpected: true } : {}),
  });
}

async function readProfile(
  { provider, metadata, fetch }: Parts,
  configuration: Configuration,
  tokens: Tokens,
  { name }: Return,
): Promise<Profile> {
  if (provider.protocol === 'oauth') return gitHubProfile(provider, tokens.access_token, fetch);
  const claims = tokens.claims();
  if (claims === undefined) throw invalidAnswer('there is no ID token');
  const who = { issuer: claims.iss, subject: requireSubject(claims.sub) };
  const isComplete = claims.email !== undefined || metadata.userinfo_endpoint === undefined;
  // The library refuses user information about anybody else than the ID token's subject (OCL-09).
  const source = isComplete ? claims : await fetchUserInfo(configuration, tokens.access_token, who.subject);
  return profileOf(provider, who, { ...source, name: source.name ?? claims.name ?? name });
}
