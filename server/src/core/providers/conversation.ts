import {
  allowInsecureRequests,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  getJwksCache,
  type ServerMetadata,
  setJwksCache,
} from 'openid-client';
import type { ProviderSettings } from '../../config/config.ts';
import { appleSecret } from './apple-secret.ts';
import type { Fetch } from './outgoing.ts';

type KeyCache = Parameters<typeof setJwksCache>[1];

/** Makes the library's view of a provider for one conversation, which has its own time limit; keys are shared by all. */
export interface Conversations {
  open(metadata: ServerMetadata, fetch: Fetch): Configuration;
  /** Remembers the keys that it has fetched. */
  close(configuration: Configuration): void;
}

export function createConversations(provider: ProviderSettings, now: () => number): Conversations {
  const authenticate = clientAuthOf(provider, now);
  let keys: KeyCache | undefined;
  const sharing = shareFetches(now);
  return {
    open(metadata, fetch) {
      const configuration = new Configuration(metadata, provider.clientId, undefined, authenticate);
      configuration[customFetch] = sharing(metadata.jwks_uri, fetch) as never;
      if (provider.issuer.startsWith('http:')) allowInsecureRequests(configuration);
      // Signatures are checked although TLS would do (OpenID Connect Core, section 3.1.3.7): whoever can put an answer
      // on the wire, such as a proxy of the house, must not be able to say who signs in.
      enableNonRepudiationChecks(configuration);
      if (keys !== undefined) setJwksCache(configuration, keys);
      return configuration;
    },
    close(configuration) {
      const fetched = getJwksCache(configuration);
      if (fetched !== undefined && fetched.uat >= (keys?.uat ?? 0)) keys = fetched;
    },
  };
}

const KEYS_FRESH_MS = 60_000;

/**
 * The library asks for keys anew for an unknown `kid` once a minute; but conversations that run at the same time do not
 * know of each other. What one has fetched serves all for that minute (OCL-12).
 */
function shareFetches(now: () => number): (shared: string | undefined, fetch: Fetch) => Fetch {
  let latest: { answer: Promise<Response>; at: number } | null = null;
  return (shared, fetch) => async (url, options) => {
    if (url !== shared) return fetch(url, options);
    if (latest === null || now() - latest.at >= KEYS_FRESH_MS) {
      const mine = { answer: fetch(url, options), at: now() };
      latest = mine;
      mine.answer.catch(() => {
        if (latest === mine) latest = null;
      });
    }
    return (await latest.answer).clone();
  };
}

function clientAuthOf({ clientAuth, clientId }: ProviderSettings, now: () => number): ClientAuth {
  if (clientAuth.kind !== 'apple')
    return clientAuth.kind === 'basic' ? ClientSecretBasic(clientAuth.secret) : ClientSecretPost(clientAuth.secret);
  const secret = appleSecret(clientAuth, clientId);
  return (_server, _client, body) => {
    body.set('client_id', clientId);
    body.set('client_secret', secret(now()));
  };
}
