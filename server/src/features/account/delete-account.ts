import { eraseSubject } from '../../core/audit/index.ts';
import type { Unit } from '../../core/effects/index.ts';
import type { Flags } from '../../core/flags/index.ts';
import { dropMailsOf } from '../../core/outbox/index.ts';
import { endImpersonations } from '../../core/sessions/index.ts';
import type { Guesses } from '../../core/throttle/index.ts';
import { countAdministrators, deleteUser, lockAdministrators } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Principal } from '../../platform/http/principal.ts';

/** The account and everything that hangs on it; what its audit lines say of the person goes too, the lines stay. */
export async function deleteAccount(
  { unit, flags, guesses }: { unit: Unit; flags: Pick<Flags, 'requireOn'>; guesses: Guesses },
  principal: Principal,
  origin: RequestOrigin,
): Promise<void> {
  const { id, email, emailVerified, roles, locale } = principal.user;
  await flags.requireOn('account-deletion', principal.user);
  await unit.change(async (tx, record) => {
    if (roles.includes('admin')) {
      await lockAdministrators(tx);
      if ((await countAdministrators(tx)) <= 1) {
        throw new Refusal('conflict', { detail: 'The last administrator cannot go. Name another one first.' });
      }
    }
    const acting = await endImpersonations(tx, id, new Date(origin.now));
    if (!(await deleteUser(tx, id))) throw new Refusal('session_revoked');
    await dropMailsOf(tx, id);
    // An address that was never proven may be a stranger's: it gets only so many mails an hour.
    const isTold = emailVerified || (await guesses.admitMail(tx, 'notice', email, origin.now));
    const when = new Date(origin.now).toISOString();
    await record({
      audit: [{ action: 'user.deleted', outcome: 'success', actor: { type: 'user', id }, subject: id, origin }],
      mail: isTold ? [{ template: 'account-deleted', to: email, locale, data: { when } }] : [],
      changed: [id, ...acting],
    });
    await eraseSubject(tx, id);
  });
}
