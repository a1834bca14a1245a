import type { Config } from '../../config/config.ts';
import { claimAccount } from '../../core/claims/index.ts';
import type { Effects, Unit } from '../../core/effects/index.ts';
import type { Factors } from '../../core/factors/index.ts';
import {
  endOneTime,
  issueOneTime,
  type Purpose,
  peekOneTime,
  SIGN_IN_PURPOSES,
  useOneTime,
} from '../../core/one-time/index.ts';
import type { Passwords } from '../../core/passwords/index.ts';
import { endImpersonations, endSessions } from '../../core/sessions/index.ts';
import { forgetDevices } from '../../core/signin/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import {
  findUser,
  findUserByEmail,
  lockUser,
  requireEmail,
  setPassword,
  type UserRow,
} from '../../core/users/index.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Db, Sql, Tx } from '../../platform/db/index.ts';

export interface ResetDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  db: Db;
  unit: Unit;
  passwords: Passwords;
  guesses: Guesses;
  factors: Factors;
}

const ENDED: readonly Purpose[] = [
  'reset-password',
  'choose-password',
  'verify-email',
  'confirm-email',
  ...SIGN_IN_PURPOSES,
];

/** 202 whatever happens: for an address without an active account the same work is done, with nobody to write to. */
export async function forgotPassword(deps: ResetDeps, address: string, origin: RequestOrigin): Promise<void> {
  const email = requireEmail(address);
  await deps.unit.change(async (tx, record) => {
    const user = await findUserByEmail(tx, email);
    const isAllowed = await deps.guesses.admitMail(tx, 'reset', email, origin.now);
    const isDue = isAllowed && user?.status === 'active';
    const userId = isDue ? user.id : null;
    await endOneTime(tx, userId, ['reset-password'], origin.now);
    const token = await issueOneTime(tx, 'reset-password', { userId, data: { email } }, origin.now);
    const link = mailLink(deps.config.APP_LINK_BASE, '/reset-password', token);
    await record({
      audit: [
        {
          action: 'user.password_reset_requested',
          outcome: isDue ? 'success' : 'denied',
          actor: { type: 'anonymous' },
          ...(user === undefined ? {} : { subject: user.id }),
          origin,
          personal: { email },
        },
      ],
      mail: [
        isDue
          ? { template: 'reset-password', to: email, locale: user.locale, userId: user.id, data: { link } }
          : { template: 'nobody', to: email, data: { link } },
      ],
    });
  });
}

/**
 * A new password by the link in the mail. It ends all that was under way before: sessions, known devices, other links, a
 * pending change of address. It signs nobody in, and leaves the second factors: the mailbox alone is not to get past
 * them (RST-06). An account that never proved its address is taken over clean first: whoever set it up before has left
 * nothing in it, be it a factor, a passkey or a linked provider (EML-07, EML-08).
 */
export async function resetPassword(
  deps: ResetDeps,
  token: string,
  password: string,
  origin: RequestOrigin,
): Promise<void> {
  const purpose: Purpose = token.startsWith('cp_') ? 'choose-password' : 'reset-password';
  const peeked = await peekOneTime(deps.db, purpose, token, origin.now);
  const known = await ownerOf(deps.db, peeked);
  const faults = await deps.passwords.check(password, { email: known.email, name: known.name });
  if (faults.length > 0) throw new Refusal('password_rejected', { errors: faults });
  const hash = await deps.passwords.hash(password);
  const now = new Date(origin.now);

  await deps.unit.change(async (tx, record) => {
    if (peeked.user_id !== null) await lockUser(tx, peeked.user_id);
    const used = await useOneTime(tx, purpose, token, origin.now);
    const user = await ownerOf(tx, used);
    if (user.email_verified_at === null) await record(await takeOver(deps, tx, user, origin));
    await setPassword(tx, user.id, hash, now);
    const ended = await endSessions(tx, { userId: user.id }, 'password_reset', now);
    const acting = await endImpersonations(tx, user.id, now);
    await forgetDevices(tx, user.id, null);
    await endOneTime(tx, user.id, ENDED, origin.now);
    await deps.guesses.unlock(tx, user);
    await record({
      audit: [
        {
          action: 'user.password_reset',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          origin,
          detail: { sessions_ended: ended.length },
        },
      ],
      mail: [
        {
          template: 'password-changed',
          to: user.email,
          locale: user.locale,
          userId: user.id,
          data: { when: now.toISOString(), device: origin.userAgent, address: origin.address },
        },
      ],
      changed: [user.id, ...acting],
    });
  });
}

/** Told of by a mail of its own only where more than a password was taken away: of that one the usual mail tells. */
async function takeOver(deps: ResetDeps, tx: Tx, user: UserRow, origin: RequestOrigin): Promise<Effects> {
  const { mail = [], ...claimed } = await claimAccount(deps, tx, user, origin);
  const detail = claimed.audit?.[0]?.detail;
  return { ...claimed, mail: detail?.had_factor || Number(detail?.identities) > 0 ? mail : [] };
}

async function ownerOf(sql: Sql, token: { user_id: string | null; data: Record<string, string> }): Promise<UserRow> {
  const user = token.user_id === null ? undefined : await findUser(sql, token.user_id);
  if (user === undefined || user.status !== 'active' || user.email !== token.data.email)
    throw new Refusal('token_invalid');
  return user;
}
