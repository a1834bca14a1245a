import type { RequestOrigin } from '../../lib/origin.ts';
import type { Tx } from '../../platform/db/index.ts';
import type { Effects } from '../effects/index.ts';
import type { Factors } from '../factors/index.ts';
import { listIdentities } from '../identities/index.ts';
import { endOneTime, SIGN_IN_PURPOSES } from '../one-time/index.ts';
import { type OutgoingMail, securityNotice } from '../outbox/index.ts';
import { endImpersonations, endSessions } from '../sessions/index.ts';
import { forgetDevices } from '../signin/index.ts';
import { lockUser, type UserRow } from '../users/index.ts';
import { isDue, takeDue, vetoPending } from './store.ts';

export { insertReset, usersWithDue, vetoReset } from './store.ts';

/**
 * Does what an administrator asked for, once its time has come and nobody has vetoed it: all second factors go, with
 * every session and known device. Null where nothing is due. The caller records the effects.
 * It is asked for at the sign-in that would need a factor, so that it happens without any worker.
 */
export async function applyDueReset(
  factors: Factors,
  tx: Tx,
  user: UserRow,
  origin: RequestOrigin,
): Promise<Effects | null> {
  const now = new Date(origin.now);
  if (!(await isDue(tx, user.id, now))) return null;
  await lockUser(tx, user.id);
  if (!(await takeDue(tx, user.id, now))) return null;
  await factors.removeAll(tx, user.id);
  const ended = await endSessions(tx, { userId: user.id }, 'factors_reset', now);
  const acting = await endImpersonations(tx, user.id, now);
  await forgetDevices(tx, user.id, null);
  await endOneTime(tx, user.id, [...SIGN_IN_PURPOSES, 'veto-factor-reset'], origin.now);
  return {
    audit: [
      {
        action: 'mfa.reset',
        outcome: 'success',
        actor: { type: 'system' },
        subject: user.id,
        origin,
        detail: { sessions_ended: ended.length },
      },
    ],
    mail: await onEveryChannel(tx, user, (email) =>
      securityNotice({ ...user, email }, 'factors_reset', { now: origin.now }),
    ),
    changed: [user.id, ...ended, ...acting],
  };
}

/** To the account's address, and to those that linked providers know its owner by. */
export async function onEveryChannel(
  tx: Tx,
  user: UserRow,
  mail: (to: string) => OutgoingMail,
): Promise<OutgoingMail[]> {
  const others = (await listIdentities(tx, user.id)).flatMap(({ email }) => (email === null ? [] : [email]));
  return [...new Set([user.email, ...others])].map(mail);
}

/** Who shows a second factor has not lost it: somebody else has talked an administrator into taking it. */
export async function endNeedlessReset(tx: Tx, user: UserRow, origin: RequestOrigin): Promise<Effects> {
  if (!(await vetoPending(tx, user.id, new Date(origin.now)))) return {};
  await endOneTime(tx, user.id, ['veto-factor-reset'], origin.now);
  return vetoEffects(user, origin);
}

export function vetoEffects(user: UserRow, origin: RequestOrigin): Effects {
  return {
    audit: [
      {
        action: 'mfa.reset_vetoed',
        outcome: 'success',
        actor: { type: 'user', id: user.id },
        subject: user.id,
        origin,
      },
    ],
    mail: [securityNotice(user, 'factor_reset_vetoed', origin)],
  };
}
