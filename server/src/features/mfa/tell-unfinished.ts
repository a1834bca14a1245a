import type { Unit } from '../../core/effects/index.ts';
import { takeUnfinished } from '../../core/one-time/index.ts';
import { securityNotice } from '../../core/outbox/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { findUser } from '../../core/users/index.ts';
import type { Clock } from '../../platform/clock.ts';

export interface TellUnfinishedDeps {
  unit: Unit;
  guesses: Guesses;
  clock: Clock;
}

const DAY_MS = 24 * 3600_000;

/**
 * Who tries stolen passwords stops where a second factor is asked for, without a wrong answer (BRU-04). The owner is
 * told of sign-ins from strange devices that were never finished: after their ten minutes, and few times an hour.
 */
export async function tellUnfinished({ unit, guesses, clock }: TellUnfinishedDeps): Promise<void> {
  const now = clock.now();
  await unit.change(async (tx, record) => {
    const rows = await takeUnfinished(tx, 'mfa', new Date(now), new Date(now - DAY_MS));
    const strange = rows.filter((row) => row.data.known === undefined);
    for (const id of new Set(strange.map((row) => row.user_id))) {
      const user = id === null ? undefined : await findUser(tx, id);
      if (user === undefined || !(await guesses.admitMail(tx, 'factor-notice', user.email, now))) continue;
      await record({ mail: [securityNotice(user, 'sign_in_unfinished', { now })] });
    }
  });
}
