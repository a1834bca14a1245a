import { totpCode } from '../../factors.ts';
import { PASSWORD, someEmail } from '../../kit.ts';
import { byProvider } from './doors-provider.ts';
import {
  cookieSession,
  type Door,
  enrolment,
  type Holder,
  holder,
  type Specimen,
  type World,
  waiting,
} from './purposes.ts';
import { ask, done, post, type Reply, someone } from './tools.ts';

const NEW = 'A-fresh-start-0815';

const token =
  (path: string, more: () => object = () => ({})): Door =>
  ({ server }, { value }) =>
    post(server, path, { token: value, ...more() });

const byLink: Record<string, Door> = {
  'POST /auth/verify-email token': token('/auth/verify-email'),
  'POST /auth/password/reset token': token('/auth/password/reset', () => ({ password: NEW })),
  'POST /email/confirm token': token('/email/confirm'),
  'POST /email/undo token': token('/email/undo'),
  'POST /auth/factor-reset/veto token': token('/auth/factor-reset/veto'),
  'POST /setup token': token('/setup', () => ({ email: someEmail('admin'), password: PASSWORD })),
  'POST /auth/magic-link/code token': token('/auth/magic-link/code'),
};

async function link({ server, mailbox }: World, { email }: Holder): Promise<{ flow: string; token: string }> {
  const { flow } = done(await post(server, '/auth/magic-link', { email })).body;
  return { flow, token: (await mailbox.takeOne('magic-link', email)).token as string };
}

const byMail: Record<string, Door> = {
  'POST /auth/magic-link/verify token': async (world, { value, holder }) =>
    post(world.server, '/auth/magic-link/verify', { flow: (await link(world, holder)).flow, token: value }),
  'POST /auth/magic-link/verify flow': async (world, { value, holder }) =>
    post(world.server, '/auth/magic-link/verify', { flow: value, token: (await link(world, holder)).token }),
  'POST /auth/magic-link/verify flow in the cookie': async (world, { value, holder }) => {
    const { token: right } = await link(world, holder);
    return post(world.server, '/auth/magic-link/verify', { token: right }, { cookie: `magic-link=${value}` });
  },
  'POST /auth/magic-link/verify flow of a shown code': async (world, { value, holder }) => {
    const { code } = done(
      await post(world.server, '/auth/magic-link/code', { token: (await link(world, holder)).token }),
    ).body;
    return post(world.server, '/auth/magic-link/verify', { flow: value, code });
  },
  'POST /auth/magic-link/verify code': async (world, { value, holder }) => {
    const { flow, token: right } = await link(world, holder);
    done(await post(world.server, '/auth/magic-link/code', { token: right }));
    return post(world.server, '/auth/magic-link/verify', { flow, code: value });
  },
  'POST /auth/otp/verify flow': async ({ server, mailbox }, { value, holder: { email } }) => {
    done(await post(server, '/auth/otp', { email }));
    const { code } = await mailbox.takeOne('mail-code', email);
    return post(server, '/auth/otp/verify', { flow: value, code });
  },
  'POST /auth/otp/verify code': async ({ server }, { value, holder: { email } }) => {
    const { flow } = done(await post(server, '/auth/otp', { email })).body;
    return post(server, '/auth/otp/verify', { flow, code: value });
  },
};

/** One waiting sign-in serves several doors: it has five tries. Likewise for whoever only stands by. */
const shared = new WeakMap<Holder, { token: string; uses: number }>();
async function sharedWaiting(world: World, holder: Holder): Promise<string> {
  const known = shared.get(holder);
  const one = known !== undefined && known.uses < 4 ? known : { token: await waiting(world, holder), uses: 0 };
  shared.set(holder, { ...one, uses: one.uses + 1 });
  return one.token;
}

const kept = new Map<string, { until: number; uses: number; one: Promise<unknown> }>();
function keep<T>({ server }: World, name: string, make: () => Promise<T>): Promise<T> {
  const now = server.clock.now();
  const known = kept.get(name);
  if (known === undefined || known.until < now || known.uses >= 4) {
    kept.set(name, { until: now + 240_000, uses: 1, one: make() });
  } else known.uses += 1;
  return kept.get(name)?.one as Promise<T>;
}

const show =
  (factor: string, prepare: (world: World, holder: Holder) => Promise<string>): Door =>
  async (world, { value, holder }) =>
    post(world.server, '/auth/mfa', { mfa_token: await prepare(world, holder), factor, code: value });

const withMail = async (world: World, holder: Holder): Promise<string> => {
  const mfa_token = await waiting(world, holder);
  done(await post(world.server, '/auth/mfa/email', { mfa_token }));
  return mfa_token;
};

// Where the password is the second factor: after a code by mail.
const afterMail = async ({ server, mailbox }: World, { email }: Holder): Promise<string> => {
  const { flow } = done(await post(server, '/auth/otp', { email })).body;
  const { code } = await mailbox.takeOne('mail-code', email);
  return done(await post(server, '/auth/otp/verify', { flow, code })).body.mfa_token;
};

const byFactor: Record<string, Door> = {
  'POST /auth/mfa mfa_token': ({ server }, { value, holder: { secret } }) =>
    post(server, '/auth/mfa', { mfa_token: value, factor: 'totp', code: totpCode(server, secret, 1) }),
  'POST /auth/mfa code as totp': show('totp', sharedWaiting),
  'POST /auth/mfa code as recovery_code': show('recovery_code', sharedWaiting),
  'POST /auth/mfa code as email': show('email', withMail),
  'POST /auth/mfa code as password': show('password', afterMail),
  'POST /auth/mfa credential': async (world, specimen) => {
    const body = { mfa_token: await sharedWaiting(world, specimen.holder), credential: answerOf(specimen) };
    return post(world.server, '/auth/mfa', body);
  },
  'POST /auth/mfa/passkey-options mfa_token': ({ server }, { value }) =>
    post(server, '/auth/mfa/passkey-options', { mfa_token: value }),
  'POST /auth/mfa/email mfa_token': ({ server }, { value }) => post(server, '/auth/mfa/email', { mfa_token: value }),
  'POST /auth/mfa/enroll/totp mfa_token': ({ server }, { value }) =>
    post(server, '/auth/mfa/enroll/totp', { mfa_token: value }),
  'POST /auth/mfa/enroll/totp/confirm mfa_token': ({ server }, { value, holder: { secret } }) =>
    post(server, '/auth/mfa/enroll/totp/confirm', { mfa_token: value, code: totpCode(server, secret, 1) }),
  'POST /auth/mfa/enroll/totp/confirm code': async (world, { value }) => {
    const { token: mfa_token } = await keep(world, 'enrolment', () => enrolment(world));
    done(await post(world.server, '/auth/mfa/enroll/totp', { mfa_token }));
    return post(world.server, '/auth/mfa/enroll/totp/confirm', { mfa_token, code: value });
  },
  'POST /me/mfa/totp/confirm code': async (world, { value }) => {
    const { access: bearer } = await newcomer(world);
    done(await post(world.server, '/me/mfa/totp', undefined, { bearer }));
    return post(world.server, '/me/mfa/totp/confirm', { code: value }, { bearer });
  },
  'POST /me/mfa/email/confirm flow': async (world, { value }) => {
    const { access: bearer, email } = await newcomer(world);
    done(await post(world.server, '/me/mfa/email', undefined, { bearer }));
    const { code } = await world.mailbox.takeOne('mail-code', email);
    return post(world.server, '/me/mfa/email/confirm', { flow: value, code }, { bearer });
  },
  'POST /me/mfa/email/confirm code': async (world, { value }) => {
    const { access: bearer } = await newcomer(world);
    const { flow } = done(await post(world.server, '/me/mfa/email', undefined, { bearer })).body;
    return post(world.server, '/me/mfa/email/confirm', { flow, code: value }, { bearer });
  },
};

/** Somebody who has no factor yet. */
const newcomer = (world: World) => keep(world, 'newcomer', () => someone(world.server, world.mailbox));

const byPasskey: Record<string, Door> = {
  'POST /auth/passkeys/verify credential': ({ server }, specimen) =>
    post(server, '/auth/passkeys/verify', answerOf(specimen)),
  'POST /auth/passkeys/sign-up credential': ({ server }, specimen) =>
    post(server, '/auth/passkeys/sign-up', creationOf(specimen)),
  'POST /me/passkeys credential': ({ server }, specimen) =>
    post(server, '/me/passkeys', creationOf(specimen), { bearer: specimen.holder.access }),
  'POST /auth/reauthenticate credential': ({ server }, specimen) => {
    const body = { factor: 'passkey', credential: answerOf(specimen) };
    return post(server, '/auth/reauthenticate', body, { bearer: specimen.holder.access });
  },
};

/** Whatever the value is, the right authenticator signs it as a challenge. */
const answerOf = ({ value, holder: { key } }: Specimen) => key.get({ challenge: value, rpId: 'localhost' });
const creationOf = ({ value, holder: { key } }: Specimen) =>
  key.copy().create({ challenge: value, rp: { id: 'localhost' }, user: { id: key.userHandle } });

const again = (body: (value: string) => object): Door => {
  return ({ server }, { value, holder: { access: bearer } }) =>
    post(server, '/auth/reauthenticate', body(value), { bearer });
};

const bySession: Record<string, Door> = {
  'POST /auth/login password': ({ server }, { value, holder: { email } }) =>
    post(server, '/auth/login', { email, password: value }),
  'POST /auth/reauthenticate password': again((password) => ({ password })),
  'POST /auth/reauthenticate code as totp': again((code) => ({ factor: 'totp', code })),
  'POST /auth/reauthenticate code as recovery_code': again((code) => ({ factor: 'recovery_code', code })),
  'POST /me/password current_password': ({ server }, { value, holder: { access: bearer } }) =>
    post(server, '/me/password', { current_password: value, new_password: NEW }, { bearer }),
  'POST /auth/refresh refresh_token': ({ server }, { value }) =>
    post(server, '/auth/refresh', { refresh_token: value }),
};

/** What ends in no refusal, and must have no effect. Each answers for itself. */
const silent: Record<string, Door> = {
  // A wrong one ends nothing: whether the value still works is seen afterwards.
  'POST /auth/logout refresh_token': async ({ server }, { value }) => {
    const reply = await post(server, '/auth/logout', { refresh_token: value });
    return reply.status === 204 ? refusedAs(reply) : reply;
  },
  'POST /auth/login device_token': async ({ server }, { value, holder: { email } }) => {
    const reply = await post(server, '/auth/login', { email, password: PASSWORD, device_token: value });
    return reply.body.status === 'mfa_required' ? refusedAs(reply) : reply;
  },
  'POST /auth/login device in the cookie': async ({ server }, { value, holder: { email } }) => {
    const body = { email, password: PASSWORD };
    const reply = await post(server, '/auth/login', body, { cookie: `device=${value}` });
    return reply.body.status === 'mfa_required' ? refusedAs(reply) : reply;
  },
  'POST /auth/logout-all x-csrf-token': async (world, { value }) => {
    const { cookie } = await keep(world, 'bystander', async () => cookieSession(world, await holder(world)));
    return post(world.server, '/auth/logout-all', {}, { cookie, headers: { 'x-csrf-token': value } });
  },
};

function refusedAs(reply: Reply): Reply {
  return { ...reply, status: 400, body: { code: 'unauthenticated' } };
}

export const doors: Record<string, Door> = {
  ...byLink,
  ...byMail,
  ...byFactor,
  ...byPasskey,
  ...byProvider,
  ...bySession,
  ...silent,
};

/** Every route that takes a session takes none of it as bearer token or cookie. */
export function guardedDoors({ server }: World): Record<string, Door> {
  const doors: Record<string, Door> = {};
  for (const { method, url, rules } of server.app.house.routes) {
    if (rules.access === 'public' || method === 'OPTIONS') continue;
    const path = url.replace(/:\w+/g, '00000000-0000-7000-8000-000000000000');
    doors[`bearer ${method} ${url}`] = (_, { value }) => ask(server, method, path, { bearer: value });
    doors[`cookie ${method} ${url}`] = (_, { value }) => ask(server, method, path, { cookie: `session=${value}` });
  }
  return doors;
}
