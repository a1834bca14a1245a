import { someEmail } from '../../kit.ts';
import { begin, codeFor, comeBack, returned, someVisitor } from './hub.ts';
import { cookieSession, type Holder, kind, type Make, options, type World, waiting } from './purposes.ts';
import { ask, done, logIn, post } from './tools.ts';

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

/** What beginning, finishing and keeping a sign-in is made of. */
export const signInKinds: Record<string, Make> = { ...byMail, ...byPasskey, ...byProvider, ...bySession };
