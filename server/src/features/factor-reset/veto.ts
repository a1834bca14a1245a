import type { Unit } from '../../core/effects/index.ts';
import { vetoEffects, vetoReset } from '../../core/factor-reset/index.ts';
import { peekOneTime, useOneTime } from '../../core/one-time/index.ts';
import { findUser, lockUser } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';

/** The owner keeps the factors. Too late once they are gone. */
export async function vetoFactorReset(unit: Unit, token: string, origin: RequestOrigin): Promise<void> {
  await unit.change(async (tx, record) => {
    const { user_id: owner } = await peekOneTime(tx, 'veto-factor-reset', token, origin.now);
    const user = owner !== null && (await lockUser(tx, owner)) ? await findUser(tx, owner) : undefined;
    const { data } = await useOneTime(tx, 'veto-factor-reset', token, origin.now);
    if (user === undefined || !(await vetoReset(tx, data.reset ?? '', new Date(origin.now)))) {
      throw new Refusal('token_invalid');
    }
    await record(vetoEffects(user, origin));
  });
}
