import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { closers } from '../ground.ts';

export interface Person {
  sub: string;
  email?: unknown;
  email_verified?: unknown;
  name?: string;
  [claim: string]: unknown;
}

export interface Issuer {
  readonly url: string;
  /** Who is signed in there. */
  person: Person;
  /** What our server has asked for, as `METHOD path`. */
  readonly calls: string[];
}

/** A real OpenID provider on loopback whose login page says yes by itself. */
export async function startIssuer(
  client: { id: string; secret: string; redirectUri: string },
  person: Person,
): Promise<Issuer> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer: Issuer = { url, person, calls: [] };
  const provider = new Provider(url, {
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        redirect_uris: [client.redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    scopes: ['openid', 'offline_access', 'email', 'profile'],
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    interactions: { url: (_ctx: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}` },
    findAccount: (_ctx: unknown, sub: string) => ({
      accountId: sub,
      claims: async () => ({ ...issuer.person, sub }),
    }),
    ttl: {
      AccessToken: 3600,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 3600,
      Interaction: 600,
      Session: 600,
      RefreshToken: 86400,
    },
    cookies: { keys: ['test'] },
  } as never);
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    issuer.calls.push(`${request.method} ${(request.url ?? '').split('?')[0]}`);
    if (!request.url?.startsWith('/interaction/')) return void answer(request, response);
    const { prompt, params } = await provider.interactionDetails(request, response);
    const accountId = issuer.person.sub;
    if (prompt.name === 'login') {
      return void (await provider.interactionFinished(request, response, { login: { accountId } }));
    }
    const grant = new provider.Grant({ accountId, clientId: params.client_id as string });
    grant.addOIDCScope(params.scope as string);
    const grantId = await grant.save();
    await provider.interactionFinished(request, response, { consent: { grantId } }, { mergeWithLastSubmission: true });
  });
  return issuer;
}
