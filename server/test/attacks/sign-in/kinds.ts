import { issueSetupLink } from '../../../src/core/setup/index.ts';
import { PASSWORD, someEmail } from '../../kit.ts';
import { signInKinds } from './kinds-sign-in.ts';
import { code, enrolment, kind, type Make, NEW, nothing, type World, waiting } from './purposes.ts';
import { done, logIn, post, register, someone } from './tools.ts';

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

/** Every kind of one-time value and credential that the server gives. */
export const kinds: Record<string, Make> = { ...byLink, ...bySecondFactor, ...signInKinds };
