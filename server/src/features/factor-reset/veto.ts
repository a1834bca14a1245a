import type { Unit } from '../../core/effects/index.ts';
import { vetoReset } from '../../core/factor-reset/index.ts';
import { useOneTime } from '../../core/one-time/index.ts';
import { findUser, lockUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';

/** The owner keeps the factors. Too late once they are gone. */
export async function vetoFactorReset(unit: Unit, token: string, origin: RequestOrigin): Promise<void> {
  await unit.change(async (tx, record) => {
    const { user_id: id, data } = await useOneTime(tx, 'veto-factor-reset', token, origin.now);
    const user = id !== null && (await lockUser(tx, id)) ? await findUser(tx, id) : undefined;
    if (user === undefined || !(await vetoReset(tx, data.reset ?? '', new Date(origin.now)))) {
      throw new Refusal('token_invalid');
    }
    const when = new Date(origin.now).toISOString();
    await record({
      audit: [
        {
          action: 'mfa.reset_vetoed',
          outcome: 'success',
          actor: { type: 'user', id: user.id },
          subject: user.id,
          origin,
        },
      ],
      mail: [
        {
          template: 'security-notice',
          to: user.email,
          locale: user.locale,
          userId: user.id,
          data: { event: 'factor_reset_vetoed', when, device: origin.userAgent, address: origin.address },
        },
      ],
    });
  });
}
