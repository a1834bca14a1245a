import type { Config } from '../../config/config.ts';
import { endOneTime, issueOneTime } from '../../core/one-time/index.ts';
import type { OutgoingMail } from '../../core/outbox/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import type { UserRow } from '../../core/users/index.ts';
import { mailLink } from '../../lib/link.ts';
import type { Tx } from '../../platform/db/index.ts';

export interface VerificationDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  guesses: Guesses;
}

/**
 * The link that proves the address of an account that a provider's word does not prove. An account that was registered
 * by more than one keeps the link that takes a new password, and displaces whoever came first.
 */
export async function verificationMail(
  { config, guesses }: VerificationDeps,
  tx: Tx,
  user: UserRow,
  now: number,
): Promise<OutgoingMail> {
  const isWelcome = await guesses.admitMail(tx, 'verify', user.email, now);
  const userId = isWelcome ? user.id : null;
  await endOneTime(tx, userId, ['verify-email'], now);
  const isContested = (await endOneTime(tx, userId, ['choose-password'], now)) > 0;
  const purpose = isContested ? 'choose-password' : 'verify-email';
  const token = await issueOneTime(tx, purpose, { userId, data: { email: user.email } }, now);
  const link = mailLink(config.APP_LINK_BASE, isContested ? '/reset-password' : '/verify-email', token);
  const template = isWelcome ? purpose : 'nobody';
  return { template, to: user.email, locale: user.locale, userId: user.id, data: { link } };
}
