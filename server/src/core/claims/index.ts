import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Effects } from '../effects/index.ts';
import type { Factors } from '../factors/index.ts';
import { deleteIdentitiesOf } from '../identities/index.ts';
import { securityNotice } from '../outbox/index.ts';
import { endImpersonations, endSessions } from '../sessions/index.ts';
import { forgetDevices } from '../signin/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { lockUser, type UserRow } from '../users/index.ts';
import { endAllOneTime, takeOver } from './store.ts';

export interface ClaimDeps {
  factors: Factors;
  guesses: Guesses;
}

/**
 * Somebody proves the address of an account that never proved it: by a link or code in the mailbox, or by a provider
 * that is authoritative for it. Whoever registered the account before may have been anybody, so all that was set in it
 * goes: password, sessions, devices, factors, linked providers, pending changes (pre-hijacking; I-036, EML-07 to -09).
 * The caller's own one-time value must be used up before.
 */
export async function claimAccount(deps: ClaimDeps, tx: Tx, user: UserRow, origin: RequestOrigin): Promise<Effects> {
  const now = new Date(origin.now);
  await lockUser(tx, user.id);
  if (!(await takeOver(tx, user.id, now))) throw new Refusal('token_invalid');
  const ended = await endSessions(tx, { userId: user.id }, 'claimed', now);
  const acting = await endImpersonations(tx, user.id, now);
  await forgetDevices(tx, user.id, null);
  await deps.factors.removeAll(tx, user.id);
  const identities = await deleteIdentitiesOf(tx, user.id);
  await endAllOneTime(tx, user.id, now);
  await deps.guesses.unlock(tx, user);
  const hadFactor = user.has_totp || user.has_mail_factor || user.passkeys > 0;
  return {
    audit: [
      {
        action: 'user.claimed',
        outcome: 'success',
        actor: { type: 'user', id: user.id },
        subject: user.id,
        origin,
        detail: { sessions_ended: ended.length, had_password: user.has_password, had_factor: hadFactor, identities },
      },
    ],
    mail: [securityNotice(user, 'account_claimed', origin)],
    changed: [user.id, ...ended, ...acting],
  };
}
