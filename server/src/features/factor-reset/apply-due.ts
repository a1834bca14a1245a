import type { Unit } from '../../core/effects/index.ts';
import { applyDueReset, usersWithDue } from '../../core/factor-reset/index.ts';
import type { Factors } from '../../core/factors/index.ts';
import { findUser, lockUser } from '../../core/users/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Db } from '../../platform/db/index.ts';

export interface ApplyDueDeps {
  db: Db;
  unit: Unit;
  factors: Factors;
  clock: Clock;
}

export async function applyAllDue({ db, unit, factors, clock }: ApplyDueDeps): Promise<void> {
  for (const id of await usersWithDue(db, new Date(clock.now()))) {
    await unit.change(async (tx, record) => {
      const user = (await lockUser(tx, id)) ? await findUser(tx, id) : undefined;
      const origin = { requestId: '', address: '', userAgent: '', now: clock.now() };
      const effects = user === undefined ? null : await applyDueReset(factors, tx, user, origin);
      await record(effects ?? {});
    });
  }
}
