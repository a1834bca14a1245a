import type { Authenticator } from '../../authenticator.ts';
import { totpCode } from '../../factors.ts';
import type { TestServer } from '../../kit.ts';
import {
  addMailFactor,
  addPasskey,
  addTotp,
  cookieOf,
  done,
  freshCode,
  logIn,
  type Mailbox,
  type Person,
  post,
  type Reply,
  someone,
} from './tools.ts';

/** Somebody with every factor there is, whose session has just shown one. */
export interface Holder extends Person {
  secret: string;
  recoveryCodes: string[];
  key: Authenticator;
}

/** One value of one kind, on its way through every door. */
export interface Specimen {
  value: string;
  holder: Holder;
  /** The columns where it may be taken, by their beginning. */
  takenAt: readonly string[];
  /** Takes it to where it belongs. */
  use(): Promise<Reply>;
  /** A challenge is answered by the authenticator of its holder. */
  isCreation?: boolean;
}

/** One field of one endpoint that takes a value: all else in the request is right, and of the value's own holder. */
export type Door = (world: World, specimen: Specimen) => Promise<Reply>;

export interface World {
  server: TestServer;
  mailbox: Mailbox;
}

export async function holder({ server, mailbox }: World): Promise<Holder> {
  const person = await someone(server, mailbox);
  const { secret, recoveryCodes } = await addTotp(server, person);
  await addMailFactor(server, mailbox, person);
  const { key } = await addPasskey(server, person);
  return { ...person, secret, recoveryCodes, key };
}

/** An account that policy does not let in before it has a second factor; its sign-in, as far as it goes. */
export async function enrolment({ server, mailbox }: World): Promise<{ token: string; person: Person }> {
  const person = await someone(server, mailbox);
  await server.db.execute("INSERT INTO auth.roles (name) VALUES ('guarded') ON CONFLICT DO NOTHING");
  await server.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'guarded')", [person.id]);
  return { token: (await logIn(server, person.email)).body.mfa_token, person };
}

export async function waiting({ server }: World, { email }: Person): Promise<string> {
  const { body } = await logIn(server, email);
  if (body.status !== 'mfa_required') throw new Error(`expected mfa_required: ${JSON.stringify(body)}`);
  return body.mfa_token;
}

export type Make = (world: World, holder: Holder) => Promise<Omit<Specimen, 'holder'>>;

export const NEW = 'A-fresh-start-0815';

/** A cookie session of somebody with every factor. */
export async function cookieSession(world: World, holder: Holder): Promise<{ cookie: string; csrf: string }> {
  const { server } = world;
  const mfa_token = await waiting(world, holder);
  const body = { mfa_token, factor: 'totp', code: freshCode(server, holder.secret), session: 'cookie' };
  const reply = done(await post(server, '/auth/mfa', body));
  return { cookie: cookieOf(reply, 'session'), csrf: reply.body.csrf_token };
}

export const nothing: Reply = { status: 0, body: null, text: '', cookies: [], headers: {} };
export const code = ({ server }: World, { secret }: Holder): string => totpCode(server, secret, 1);
export const options = (challenge: string) => ({ challenge, rpId: 'localhost' });

export function kind(value: string | undefined, takenAt: readonly string[], use: () => Promise<Reply>) {
  if (value === undefined) throw new Error('nothing was issued');
  return { value, takenAt, use };
}
