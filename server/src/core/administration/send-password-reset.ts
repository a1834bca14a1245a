import type { Config } from '../../config/config.ts';
import { mailLink } from '../../lib/link.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Unit } from '../effects/index.ts';
import { endOneTime, issueOneTime } from '../one-time/index.ts';
import { type Administrator, administer, lineOf, requireTarget } from '../roles/index.ts';
import type { Guesses } from '../throttle/index.ts';

export interface SendResetDeps {
  config: Pick<Config, 'APP_LINK_BASE'>;
  unit: Unit;
  guesses: Guesses;
}

/** The link goes to the user's own address; the administrator never sees it. */
export async function sendPasswordReset(deps: SendResetDeps, by: Administrator, id: string): Promise<void> {
  const { now } = by.origin;
  await administer(deps.unit, by, 'users:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    if (user.status !== 'active') throw new Refusal('conflict', { detail: 'The account is disabled.' });
    if (!(await deps.guesses.admitMail(tx, 'reset', user.email, now))) {
      throw new Refusal('rate_limited', {
        policy: 'mail',
        retryAfter: 3600,
        detail: 'Enough mails were sent to this address.',
      });
    }
    await endOneTime(tx, id, ['reset-password'], now);
    const token = await issueOneTime(tx, 'reset-password', { userId: id, data: { email: user.email } }, now);
    const link = mailLink(deps.config.APP_LINK_BASE, '/reset-password', token);
    await record({
      audit: [lineOf(by, 'user.password_reset_requested', { subject: id })],
      mail: [{ template: 'reset-password', to: user.email, locale: user.locale, userId: id, data: { link } }],
    });
  });
}
