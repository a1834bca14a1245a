import type { Config } from '../../config/config.ts';
import type { Unit } from '../../core/effects/index.ts';
import { endOneTime, issueOneTime, peekOneTime, useOneTime } from '../../core/one-time/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findUser, findUserByEmail, lockUser, markVerified, requireEmail } from '../../core/users/index.ts';
import { mailLink } from '../../lib/link.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';

export interface VerifyEmailDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  unit: Unit;
  guesses: Guesses;
}

export async function verifyEmail({ unit }: VerifyEmailDeps, token: string, origin: RequestOrigin): Promise<void> {
  await unit.change(async (tx, record) => {
    const { user_id: id } = await peekOneTime(tx, 'verify-email', token, origin.now);
    if (id !== null) await lockUser(tx, id); // before what hangs on it, as everywhere
    const { data } = await useOneTime(tx, 'verify-email', token, origin.now);
    const user = id === null ? undefined : await findUser(tx, id);
    // The link is for the address it was sent to, not for whatever the account has become since.
    if (user === undefined || user.email !== data.email || user.status !== 'active') throw new Refusal('token_invalid');
    await markVerified(tx, user.id, new Date(origin.now));
    await endOneTime(tx, user.id, ['verify-email', 'choose-password'], origin.now);
    await record({
      audit: [
        {
          action: 'user.email_verified',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          origin,
        },
      ],
      changed: [user.id],
    });
  });
}

/**
 * A new link for an unverified account; for anyone else the same work with nobody to send it to. Where the account was
 * registered by more than one (see register), the link is again one that takes a new password: else whoever came first
 * could have the second one verify the first one's password.
 */
export async function resendVerification(deps: VerifyEmailDeps, address: string, origin: RequestOrigin): Promise<void> {
  const email = requireEmail(address);
  await deps.unit.change(async (tx, record) => {
    const user = await findUserByEmail(tx, email);
    const isAllowed = await deps.guesses.admitMail(tx, 'verify', email, origin.now);
    const isDue = isAllowed && user !== undefined && user.email_verified_at === null && user.status === 'active';
    const userId = isDue ? user.id : null;
    await endOneTime(tx, userId, ['verify-email'], origin.now);
    const isContested = (await endOneTime(tx, userId, ['choose-password'], origin.now)) > 0;
    const purpose = isContested ? 'choose-password' : 'verify-email';
    const token = await issueOneTime(tx, purpose, { userId, data: { email } }, origin.now);
    const link = mailLink(deps.config.APP_LINK_BASE, isContested ? '/reset-password' : '/verify-email', token);
    await record({
      audit: [
        {
          action: 'user.verification_sent',
          outcome: isDue ? 'success' : 'denied',
          actor: { type: 'anonymous' },
          ...(user === undefined ? {} : { subject: user.id }),
          origin,
          personal: { email },
        },
      ],
      mail: [
        isDue
          ? { template: purpose, to: email, locale: user.locale, userId: user.id, data: { link } }
          : { template: 'nobody', to: email, data: { link } },
      ],
    });
  });
}
