import { issueSetupLink } from '../../../src/core/setup/index.ts';
import type { Authenticator } from '../../authenticator.ts';
import { totpCode } from '../../factors.ts';
import { PASSWORD, someEmail, type TestServer } from '../../kit.ts';
import { begin, codeFor, comeBack, returned, someVisitor } from './hub.ts';
import {
  addMailFactor,
  addPasskey,
  addTotp,
  ask,
  cookieOf,
  done,
  freshCode,
  logIn,
  type Mailbox,
  type Person,
  post,
  type Reply,
  register,
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

type Make = (world: World, holder: Holder) => Promise<Omit<Specimen, 'holder'>>;

const NEW = 'A-fresh-start-0815';

const byLink: Record<string, Make> = {
  'verify-email': async ({ server, mailbox }) => {
    const { token } = await mailbox.takeOne('verify-email', await register(server));
    return kind(token, ['POST /auth/verify-email'], () => post(server, '/auth/verify-email', { token }));
  },
  'choose-password': async ({ server, mailbox }) => {
    const email = await register(server);
    done(await post(server, '/auth/register', { email, password: PASSWORD }));
    const { token } = await mailbox.takeOne('choose-password', email);
    const use = () => post(server, '/auth/password/reset', { token, password: NEW });
    return kind(token, ['POST /auth/password/reset'], use);
  },
  'reset-password': async ({ server, mailbox }, { email }) => {
    done(await post(server, '/auth/password/forgot', { email }));
    const { token } = await mailbox.takeOne('reset-password', email);
    const use = () => post(server, '/auth/password/reset', { token, password: NEW });
    return kind(token, ['POST /auth/password/reset'], use);
  },
  'confirm-email': async ({ server, mailbox }, { access: bearer }) => {
    const to = someEmail('to');
    done(await post(server, '/me/email', { email: to }, { bearer }));
    const { token } = await mailbox.takeOne('confirm-email', to);
    return kind(token, ['POST /email/confirm'], () => post(server, '/email/confirm', { token }));
  },
  'undo-email': async ({ server, mailbox }, { access: bearer, email }) => {
    done(await post(server, '/me/email', { email: someEmail('to') }, { bearer }));
    const { token } = await mailbox.takeOne('email-change-requested', email);
    return kind(token, ['POST /email/undo'], () => post(server, '/email/undo', { token }));
  },
  setup: async ({ server }) => {
    const link = await server.db.transaction((tx) => issueSetupLink(tx, 'http://localhost:3000', server.clock.now()));
    const token = (link as string).split('#token=')[1] as string;
    // Used last of all: with it the server has its administrator, and the set-up is closed.
    const peek = "SELECT 1 FROM auth.one_time_tokens WHERE purpose = 'setup' AND used_at IS NULL";
    const use = async () => ({ ...nothing, status: (await server.db.query(peek)).length === 1 ? 200 : 400 });
    return kind(token, ['POST /setup'], use);
  },
  'veto-factor-reset': async (world, { id, email }) => {
    const { server, mailbox } = world;
    const boss = await someone(server, mailbox);
    await server.db.execute(
      "INSERT INTO auth.roles (name, permissions) VALUES ('helpers', '{users.reset_mfa}') ON CONFLICT DO NOTHING",
    );
    const permission = server.app.house.routes.find(({ url }) => url.endsWith('/reset-mfa'))?.rules.access;
    await server.db.execute("UPDATE auth.roles SET permissions = ARRAY[$1::text] WHERE name = 'helpers'", [
      (permission as { permission: string }).permission,
    ]);
    await server.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'helpers')", [boss.id]);
    const { access_token: bearer } = (await logIn(server, boss.email)).body;
    done(await post(server, `/admin/users/${id}/reset-mfa`, { reason: 'lost the phone' }, { bearer }));
    const { token } = await mailbox.takeOne('factor-reset-requested', email);
    const use = () => post(server, '/auth/factor-reset/veto', { token });
    return kind(token, ['POST /auth/factor-reset/veto'], use);
  },
};

const bySecondFactor: Record<string, Make> = {
  mfa: async (world, holder) => {
    const token = await waiting(world, holder);
    const use = () => post(world.server, '/auth/mfa', { mfa_token: token, factor: 'totp', code: code(world, holder) });
    return kind(token, ['POST /auth/mfa mfa_token', 'POST /auth/mfa/passkey-options', 'POST /auth/mfa/email'], use);
  },
  'mfa-enrolment': async (world) => {
    const { token } = await enrolment(world);
    const use = () => post(world.server, '/auth/mfa/enroll/totp', { mfa_token: token });
    return kind(token, ['POST /auth/mfa/enroll'], use);
  },
  'totp-code': async (world, holder) => {
    const value = code(world, holder);
    const use = async () => {
      const body = { mfa_token: await waiting(world, holder), factor: 'totp', code: value };
      return post(world.server, '/auth/mfa', body);
    };
    return kind(value, ['POST /auth/mfa code as totp', 'POST /auth/reauthenticate code as totp'], use);
  },
  'recovery-code': async (world, holder) => {
    const value = holder.recoveryCodes[0] as string;
    const use = async () => {
      const body = { mfa_token: await waiting(world, holder), factor: 'recovery_code', code: value };
      return post(world.server, '/auth/mfa', body);
    };
    return kind(value, ['POST /auth/mfa code as recovery_code', 'POST /auth/reauthenticate code as recovery'], use);
  },
  'mail-factor-code of a sign-in': async (world, holder) => {
    const { server, mailbox } = world;
    const mfa_token = await waiting(world, holder);
    done(await post(server, '/auth/mfa/email', { mfa_token }));
    const { code: value } = await mailbox.takeOne('mail-code', holder.email);
    const use = () => post(server, '/auth/mfa', { mfa_token, factor: 'email', code: value });
    return kind(value, [], use);
  },
  'mail-factor-flow': async (world) => mailFactor(world, 'flow'),
  'mail-factor-code': async (world) => mailFactor(world, 'code'),
};

// Enrolled by somebody who has no such factor yet.
async function mailFactor({ server, mailbox }: World, which: 'flow' | 'code') {
  const person = await someone(server, mailbox);
  const bearer = person.access;
  const { flow } = done(await post(server, '/me/mfa/email', undefined, { bearer })).body;
  const { code: typed } = await mailbox.takeOne('mail-code', person.email);
  const use = () => post(server, '/me/mfa/email/confirm', { flow, code: typed }, { bearer });
  return kind(which === 'flow' ? flow : typed, [], use);
}

const byMail: Record<string, Make> = {
  'magic-link': async (world, holder) => (await magicLink(world, holder)).token,
  'magic-link-flow': async (world, holder) => (await magicLink(world, holder)).flow,
  'magic-code': async (world, holder) => {
    const { server } = world;
    const { flow, token } = await magicLink(world, holder);
    const { code: value } = done(await post(server, '/auth/magic-link/code', { token: token.value })).body;
    return kind(value, [], () => post(server, '/auth/magic-link/verify', { flow: flow.value, code: value }));
  },
  'mail-code-flow': async (world, holder) => mailCode(world, holder, 'flow'),
  'mail-code': async (world, holder) => mailCode(world, holder, 'code'),
};

async function magicLink({ server, mailbox }: World, { email }: Holder) {
  const { flow } = done(await post(server, '/auth/magic-link', { email })).body;
  const { token } = await mailbox.takeOne('magic-link', email);
  const use = () => post(server, '/auth/magic-link/verify', { flow, token });
  const takenAt = ['POST /auth/magic-link/code token', 'POST /auth/magic-link/verify token'];
  return { token: kind(token, takenAt, use), flow: kind(flow, [], use) };
}

async function mailCode({ server, mailbox }: World, { email }: Holder, which: 'flow' | 'code') {
  const { flow } = done(await post(server, '/auth/otp', { email })).body;
  const { code: typed } = await mailbox.takeOne('mail-code', email);
  const use = () => post(server, '/auth/otp/verify', { flow, code: typed });
  return kind(which === 'flow' ? flow : typed, [], use);
}

const byPasskey: Record<string, Make> = {
  'passkey-sign-in': async ({ server }, { key }) => {
    const { challenge } = done(await post(server, '/auth/passkeys/options')).body;
    const use = () => post(server, '/auth/passkeys/verify', key.get(options(challenge)));
    return kind(challenge, ['POST /auth/passkeys/verify'], use);
  },
  'passkey-factor of a sign-in': async (world, holder) => {
    const { server } = world;
    const mfa_token = await waiting(world, holder);
    const { challenge } = done(await post(server, '/auth/mfa/passkey-options', { mfa_token })).body;
    const use = () => post(server, '/auth/mfa', { mfa_token, credential: holder.key.get(options(challenge)) });
    return kind(challenge, [], use);
  },
  'passkey-factor of a session': async ({ server }, { access: bearer, key }) => {
    const { challenge } = done(await post(server, '/auth/reauthenticate/passkey-options', undefined, { bearer })).body;
    const use = () => {
      const body = { factor: 'passkey', credential: key.get(options(challenge)) };
      return post(server, '/auth/reauthenticate', body, { bearer });
    };
    return kind(challenge, ['POST /auth/reauthenticate credential'], use);
  },
  'passkey-creation': async ({ server }, { access: bearer, key }) => {
    const asked = done(await post(server, '/me/passkeys/options', {}, { bearer })).body;
    const use = () => post(server, '/me/passkeys', key.copy().create(asked), { bearer });
    return { ...kind(asked.challenge, ['POST /me/passkeys credential'], use), isCreation: true };
  },
  'passkey-sign-up': async ({ server }, { key }) => {
    const asked = done(await post(server, '/auth/passkeys/sign-up/options', { email: someEmail() })).body;
    const use = () => post(server, '/auth/passkeys/sign-up', key.copy().create(asked));
    return { ...kind(asked.challenge, ['POST /auth/passkeys/sign-up credential'], use), isCreation: true };
  },
};

const bySession: Record<string, Make> = {
  'refresh-token': async ({ server }, { refresh }) =>
    kind(refresh, ['POST /auth/refresh', 'POST /auth/logout'], () =>
      post(server, '/auth/refresh', { refresh_token: refresh }),
    ),
  'access-token': async ({ server }, { access: bearer }) =>
    kind(bearer, ['bearer'], () => ask(server, 'GET', `${server.config.API_PREFIX}/me`, { bearer })),
  'session-cookie': async (world, holder) => {
    const { cookie } = await cookieSession(world, holder);
    const use = () => ask(world.server, 'GET', `${world.server.config.API_PREFIX}/me`, { cookie });
    return kind(cookie.split('=')[1], ['cookie'], use);
  },
  'csrf-token': async (world, holder) => {
    const { cookie, csrf } = await cookieSession(world, holder);
    const headers = { 'x-csrf-token': csrf };
    const use = () => post(world.server, '/auth/logout-all', {}, { cookie, headers });
    return kind(csrf, [], use);
  },
  'device-token': async (world, { email, device }) => {
    // It is worth a turn of its own in the lock-out, and no more.
    const use = () => logIn(world.server, email, { device_token: device });
    return kind(device, ['device_token'], use);
  },
};

const byProvider: Record<string, Make> = {
  'provider-state': async ({ server }) => {
    const begun = await begin(server);
    const use = () => comeBack(server, begun, codeFor(someVisitor(someEmail())));
    return kind(begun.state, ['/auth/callback/:provider state'], use);
  },
  'provider-binding': async ({ server }) => {
    const begun = await begin(server);
    const use = () => comeBack(server, begun, codeFor(someVisitor(someEmail())));
    return kind(begun.cookie.split('=')[1], [], use);
  },
  'provider-code': async ({ server }) => {
    const begun = await begin(server, 'hub', { app: true });
    const query = returned(await comeBack(server, begun, codeFor(someVisitor(someEmail()))));
    const code = query.get('code') ?? undefined;
    const use = () => post(server, '/oauth/exchange', { code, code_verifier: begun.verifier });
    return kind(code, [], use);
  },
  'provider-link': async ({ server }, { email, access: bearer }) => {
    const begun = await begin(server, 'elsewhere', { app: true });
    const query = returned(await comeBack(server, begun, codeFor(someVisitor(email))));
    const link_token = query.get('link_token') ?? undefined;
    const use = () => post(server, '/me/identities', { link_token, code_verifier: begun.verifier }, { bearer });
    return kind(link_token, [], use);
  },
};

/** A cookie session of somebody with every factor. */
export async function cookieSession(world: World, holder: Holder): Promise<{ cookie: string; csrf: string }> {
  const { server } = world;
  const mfa_token = await waiting(world, holder);
  const body = { mfa_token, factor: 'totp', code: freshCode(server, holder.secret), session: 'cookie' };
  const reply = done(await post(server, '/auth/mfa', body));
  return { cookie: cookieOf(reply, 'session'), csrf: reply.body.csrf_token };
}

const nothing: Reply = { status: 0, body: null, text: '', cookies: [], headers: {} };
const code = ({ server }: World, { secret }: Holder): string => totpCode(server, secret, 1);
const options = (challenge: string) => ({ challenge, rpId: 'localhost' });

function kind(value: string | undefined, takenAt: readonly string[], use: () => Promise<Reply>) {
  if (value === undefined) throw new Error('nothing was issued');
  return { value, takenAt, use };
}

/** Every kind of one-time value and credential that the server gives. */
export const kinds: Record<string, Make> = {
  ...byLink,
  ...bySecondFactor,
  ...byMail,
  ...byPasskey,
  ...byProvider,
  ...bySession,
};
