import { eraseSubject } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import { dropMailsOf } from '../../core/outbox/index.ts';
import { countAdministrators, deleteUser, lockAdministrators } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal } from '../../platform/http/principal.ts';

/** The account and everything that hangs on it; what its audit lines say of the person goes too, the lines stay. */
export async function deleteAccount(unit: Unit, principal: Principal, origin: RequestOrigin): Promise<void> {
  const { id, email, roles, locale } = principal.user;
  await unit.change(async (tx, record) => {
    if (roles.includes('admin')) {
      await lockAdministrators(tx);
      if ((await countAdministrators(tx)) <= 1) {
        throw new Refusal('conflict', { detail: 'The last administrator cannot go. Name another one first.' });
      }
    }
    if (!(await deleteUser(tx, id))) throw new Refusal('session_revoked');
    await dropMailsOf(tx, id);
    await record({
      audit: [{ action: 'user.deleted', outcome: 'success', actor: { type: 'user', id }, subject: id, origin }],
      mail: [{ template: 'account-deleted', to: email, locale, data: { when: new Date(origin.now).toISOString() } }],
      changed: [id],
    });
    await eraseSubject(tx, id);
  });
}
