import { type Authenticator, authenticator, type Lies, type Model } from '../../authenticator.ts';
import { type Answer, expect, type TestServer } from '../../kit.ts';

type Json = Record<string, unknown>;

export const bearerOf = (user: { accessToken: string }) => ({ bearer: user.accessToken });

export async function creationOptions(server: TestServer, user: { accessToken: string }, body: Json = {}) {
  return expect(await server.post('/me/passkeys/options', body, bearerOf(user)), 200).body;
}

/** One passkey more, made as the lies say; the server's answer. */
export async function addPasskey(
  server: TestServer,
  user: { accessToken: string },
  key: Authenticator = authenticator(),
  { lies = {}, options = {}, ...body }: { lies?: Lies; options?: Json; name?: string } = {},
): Promise<Answer> {
  const made = key.create(await creationOptions(server, user, options), lies);
  return server.post('/me/passkeys', { ...made, ...body }, bearerOf(user));
}

/** A person with a passkey, and the answer that made it. */
export async function personWithPasskey(server: TestServer, model: Model = {}) {
  const user = await server.user();
  const key = authenticator(model);
  const added = expect(await addPasskey(server, user, key), 201);
  return { user, key, added: added.body };
}

export async function requestOptions(server: TestServer, body: Json = {}) {
  return expect(await server.post('/auth/passkeys/options', body), 200).body;
}

export async function signInWith(
  server: TestServer,
  key: Authenticator,
  lies: Lies = {},
  more: Json = {},
): Promise<Answer> {
  const response = key.get(await requestOptions(server), lies);
  return server.post('/auth/passkeys/verify', { ...response, ...more });
}

export async function signUpWith(server: TestServer, email: string, key: Authenticator, more: Json = {}) {
  const options = expect(await server.post('/auth/passkeys/sign-up/options', { email }), 200).body;
  return server.post('/auth/passkeys/sign-up', { ...key.create(options), ...more });
}

export const said = ({ status, body }: Answer): [number, string] => [status, body?.code];
