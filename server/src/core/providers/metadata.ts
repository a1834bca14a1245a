import { allowInsecureRequests, customFetch, discovery, type ServerMetadata } from 'openid-client';
import type { ProviderSettings } from '../../config/config.ts';
import type { Clock } from '../../platform/clock.ts';
import { invalidAnswer, ProviderAway, refusalOf } from './failure.ts';
import type { Fetch } from './outgoing.ts';

const FRESH_MS = 3600_000;
/** While the provider does not tell anew, what it told before is believed for so long. */
const STALE_MS = 24 * 3600_000;

const TENANT = '{tenantid}';

/** What the provider says of itself: asked for once an hour, by one request however many wait for it. */
export function createMetadata(
  provider: ProviderSettings,
  clock: Clock,
  reach: () => Fetch,
): () => Promise<ServerMetadata> {
  let known: { metadata: ServerMetadata; at: number } | null = null;
  let asking: Promise<ServerMetadata> | null = null;
  const ask = async (): Promise<ServerMetadata> => {
    try {
      const metadata = provider.protocol === 'oauth' ? gitHub(provider) : await discover(provider, reach());
      known = { metadata, at: clock.now() };
      return metadata;
    } catch (error) {
      const failure = refusalOf(error);
      if (failure instanceof ProviderAway && known !== null && clock.now() - known.at < STALE_MS) return known.metadata;
      throw failure;
    }
  };
  return () => {
    if (known !== null && clock.now() - known.at < FRESH_MS) return Promise.resolve(known.metadata);
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };
}

/**
 * OpenID Connect Discovery, section 4.3: the document must be of the very issuer that was configured, or any other
 * could put its own keys in. What the server calls itself stays at the issuer's host or one that was named beside it.
 */
async function discover(provider: ProviderSettings, fetch: Fetch): Promise<ServerMetadata> {
  const isTemplate = provider.issuer.includes(TENANT);
  // A multi-tenant provider describes itself once for all, under the word that stands for any tenant.
  const base = provider.issuer.replace(TENANT, 'common').replace(/\/$/, '');
  const server = new URL(isTemplate ? `${base}/.well-known/openid-configuration` : provider.issuer);
  const configuration = await discovery(server, provider.clientId, undefined, undefined, {
    [customFetch]: fetch as never,
    timeout: 5,
    ...(server.protocol === 'http:' ? { execute: [allowInsecureRequests] } : {}),
  });
  const { supportsPKCE: _, ...metadata } = configuration.serverMetadata();
  if (metadata.issuer !== provider.issuer) throw invalidAnswer('discovery: it names another issuer');
  requireEndpoints(metadata as ServerMetadata, provider);
  return metadata as ServerMetadata;
}

function requireEndpoints(metadata: ServerMetadata, provider: ProviderSettings): void {
  const issuer = new URL(provider.issuer);
  const hosts = [issuer.host, ...provider.hosts];
  const { authorization_endpoint, token_endpoint, jwks_uri, userinfo_endpoint } = metadata;
  const called = Object.entries({ token_endpoint, jwks_uri, userinfo_endpoint });
  for (const [name, text] of [...called, ['authorization_endpoint', authorization_endpoint] as const]) {
    if (text === undefined && name === 'userinfo_endpoint') continue;
    const url = typeof text === 'string' ? URL.parse(text) : null;
    if (url === null || (url.protocol !== 'https:' && url.protocol !== issuer.protocol))
      throw invalidAnswer(`discovery: ${name} is missing or not https`);
    if (name !== 'authorization_endpoint' && !hosts.includes(url.host))
      throw invalidAnswer(`discovery: ${name} is at another host than the issuer; name it in "hosts" if that is right`);
  }
}

/** GitHub has no discovery; GitHub Enterprise has the same paths under its own address. */
function gitHub({ issuer }: ProviderSettings): ServerMetadata {
  return {
    issuer: `${issuer}/login/oauth`,
    authorization_endpoint: `${issuer}/login/oauth/authorize`,
    token_endpoint: `${issuer}/login/oauth/access_token`,
  };
}

/** The issuer of one tenant; null where the ID token names none in the form that tenants have. */
export function issuerOfTenant(provider: ProviderSettings, idToken: unknown): string | null {
  const claims = typeof idToken === 'string' ? claimsOf(idToken) : null;
  const tenant = claims?.tid;
  const isTenant = typeof tenant === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(tenant);
  return isTenant ? provider.issuer.replace(TENANT, tenant) : null;
}

function claimsOf(jwt: string): Record<string, unknown> | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

export function isMultiTenant(provider: ProviderSettings): boolean {
  return provider.issuer.includes(TENANT);
}
