import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { mailLink } from '../../lib/link.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Unit } from '../effects/index.ts';
import { applyDueReset, insertReset, onEveryChannel } from '../factor-reset/index.ts';
import { type Factors, factorsOf } from '../factors/index.ts';
import { issueOneTime } from '../one-time/index.ts';
import { type Administrator, administer, lineOf, requireTarget } from '../roles/index.ts';
import { principalUser } from '../users/index.ts';

export interface ResetFactorsDeps {
  config: Pick<Config, 'APP_LINK_BASE' | 'MFA_RESET_DELAY' | 'PASSKEY_AS_FACTOR'>;
  unit: Unit;
  factors: Factors;
}

/**
 * For who has lost all second factors and the recovery codes: an administrator takes them from the account. With
 * MFA_RESET_DELAY its owner is told first, on every channel, and can stop it; an administrator who was talked into it
 * by somebody else then helps nobody into the account. When it happens, in milliseconds.
 */
export async function resetFactors(
  { config, unit, factors }: ResetFactorsDeps,
  by: Administrator,
  id: string,
  reason: string,
): Promise<number> {
  const { origin } = by;
  const due = origin.now + config.MFA_RESET_DELAY * 1000;
  await administer(unit, by, 'users:reset-factors', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    if (factorsOf(principalUser(user), { ...config, PASSKEY_AS_FACTOR: true }).length === 0) {
      throw new Refusal('conflict', { detail: 'The account has no second factor.' });
    }
    const reset = uuidv7(origin.now);
    const administratorId = by.principal.user.id;
    const now = new Date(origin.now);
    if (!(await insertReset(tx, { id: reset, userId: id, administratorId, now, dueAt: new Date(due) }))) {
      throw new Refusal('conflict', { detail: 'It was asked for already, and waits for its time.' });
    }
    const line = lineOf(by, 'mfa.reset_requested', {
      subject: id,
      detail: { due_at: new Date(due).toISOString() },
      personal: { reason },
    });
    if (config.MFA_RESET_DELAY === 0) {
      await record({ audit: [line] });
      await record((await applyDueReset(factors, tx, user, origin)) ?? {});
      return;
    }
    const data = { reset };
    const token = await issueOneTime(tx, 'veto-factor-reset', { userId: id, data }, origin.now);
    const link = mailLink(config.APP_LINK_BASE, '/veto-factor-reset', token);
    const mail = await onEveryChannel(tx, user, (to) => ({
      template: 'factor-reset-requested',
      to,
      locale: user.locale,
      userId: id,
      data: { link, due: new Date(due).toISOString() },
    }));
    await record({ audit: [line], mail });
  });
  return due;
}
