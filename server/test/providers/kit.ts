import { keyPair } from '../../src/config/test-kit.ts';
import { type ServerOptions, startServer, type TestServer } from '../kit.ts';
import { CLIENT_ID, type StandIn, startStandIn } from './stand-in.ts';

export const APP = 'https://app.example.test';
export const APPLE_KEY = keyPair('p256');

export interface Providers {
  server: TestServer;
  /** Gives out the mailboxes of corp.test. */
  acme: StandIn;
  /** Verifies addresses, and gives out no mailboxes. */
  beta: StandIn;
  github: StandIn;
  microsoft: StandIn;
  apple: StandIn;
}

/** A server that knows one provider of each kind, all of them stand-ins. */
export async function startWithProviders({ env = {}, ...options }: ServerOptions = {}): Promise<Providers> {
  const [acme, beta, github, microsoft, apple] = await Promise.all([
    startStandIn(),
    startStandIn(),
    startStandIn(),
    startStandIn('/{tenantid}/v2.0'),
    startStandIn(),
  ]);
  const client = (one: StandIn) => ({ client_id: CLIENT_ID, client_secret: one.secret });
  const entries = [
    { id: 'acme', name: 'Acme', issuer: acme.url, authoritative_domains: ['corp.test'], ...client(acme) },
    { id: 'beta', name: 'Beta', issuer: beta.url, ...client(beta) },
    { id: 'gh', preset: 'github', base_url: github.url, ...client(github) },
    { id: 'ms', preset: 'microsoft', issuer: `${microsoft.url}/{tenantid}/v2.0`, ...client(microsoft) },
    {
      id: 'apple',
      preset: 'apple',
      issuer: apple.url,
      client_id: CLIENT_ID,
      team_id: 'ABCDE12345',
      key_id: 'KEY1234567',
      private_key: APPLE_KEY.privatePem,
    },
  ];
  const server = await startServer({
    ...options,
    env: { CORS_ORIGIN: APP, OIDC_PROVIDERS: JSON.stringify(entries), ...env },
  });
  return { server, acme, beta, github, microsoft, apple };
}

/** What must stay as it was where a sign-in is refused. */
export async function footprint(server: TestServer): Promise<Record<string, number>> {
  const rows = await server.db.query<Record<string, number>>(
    `SELECT (SELECT count(*)::int FROM auth.users) AS users, (SELECT count(*)::int FROM auth.identities) AS identities,
            (SELECT count(*)::int FROM auth.sessions) AS sessions,
            (SELECT count(*)::int FROM auth.one_time_tokens WHERE purpose = 'provider-code') AS codes`,
  );
  return rows[0] as Record<string, number>;
}
