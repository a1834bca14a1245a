import { isOk, type LoadClient, type LoadOptions, type LoadRequest } from './load.ts';
import { type Connection, openConnection } from './load-connection.ts';

interface Tokens {
  access: string;
  refresh: string;
}

type Where = Pick<LoadOptions, 'url' | 'insecure' | 'host' | 'headers'> & { readonly prefix?: string };

/** Signs the account in once for each connection, so that every one has a chain of refresh tokens of its own. */
export async function signedInClients(
  where: Where,
  account: { readonly email: string; readonly password: string },
  connections: number,
): Promise<(index: number) => LoadClient> {
  const connection = openConnection(where);
  const prefix = where.prefix ?? '/api/v1';
  const clients: LoadClient[] = [];
  for (let index = 0; index < connections; index++) {
    clients.push(sessionClient(prefix, await logIn(connection, prefix, account), index));
  }
  connection.close();
  return (index) => clients[index % clients.length] as LoadClient;
}

async function logIn(connection: Connection, prefix: string, body: object): Promise<Tokens> {
  const answer = await connection.ask({ method: 'POST', path: `${prefix}/auth/login`, body });
  const { access_token: access, refresh_token: refresh } = answer.body;
  if (answer.status !== 200 || typeof access !== 'string' || typeof refresh !== 'string')
    throw new Error(`the sign-in for the load answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  return { access, refresh };
}

/**
 * What one signed-in application does: reads its account, renews its tokens now and then, and looks at what is public.
 * A renewal that failed on the way is asked for again with the same token, as the server promises.
 */
function sessionClient(prefix: string, tokens: Tokens, index: number): LoadClient {
  const health: LoadRequest = { name: 'GET /health', path: '/health' };
  const keys: LoadRequest = { name: 'GET jwks', path: '/.well-known/jwks.json' };
  const me = (): LoadRequest => ({
    name: 'GET me',
    path: `${prefix}/me`,
    headers: { authorization: `Bearer ${tokens.access}` },
    judge: (answer) => isOk(answer) ?? (typeof answer.body.id === 'string' ? null : 'no account in the answer'),
  });
  const renew = (): LoadRequest => ({
    name: 'POST refresh',
    method: 'POST',
    path: `${prefix}/auth/refresh`,
    body: { refresh_token: tokens.refresh },
    judge(answer) {
      const { access_token: access, refresh_token: refresh } = answer.body;
      if (answer.status !== 200) return `HTTP ${answer.status}`;
      if (typeof access !== 'string' || typeof refresh !== 'string') return 'no tokens in the answer';
      if (refresh === tokens.refresh) return 'the refresh token did not change';
      Object.assign(tokens, { access, refresh });
      return null;
    },
  });
  const round: readonly (() => LoadRequest)[] = [() => health, me, renew, me, () => keys];
  let turn = index;
  return () => (round[turn++ % round.length] as () => LoadRequest)();
}
