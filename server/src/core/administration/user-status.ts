import { Refusal } from '../../lib/refusal.ts';
import type { Unit } from '../effects/index.ts';
import { endOneTime, type Purpose, SIGN_IN_PURPOSES } from '../one-time/index.ts';
import { type Administrator, administer, lineOf, requireAnotherAdministrator, requireTarget } from '../roles/index.ts';
import { endImpersonations, endSessions } from '../sessions/index.ts';
import { distrustDevices } from '../signin/index.ts';
import type { Guesses } from '../throttle/index.ts';
import { findUser, markVerified, type UserRow } from '../users/index.ts';
import { setStatus } from './store.ts';

const LINKS: readonly Purpose[] = [
  'verify-email',
  'choose-password',
  'reset-password',
  'confirm-email',
  'undo-email',
  ...SIGN_IN_PURPOSES,
];

/** Out everywhere within a second: sessions, links, and what the user does as somebody else. */
export async function disableUser(
  unit: Unit,
  by: Administrator,
  id: string,
  reason: string | undefined,
): Promise<UserRow> {
  const at = new Date(by.origin.now);
  return administer(unit, by, 'users:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    await requireAnotherAdministrator(tx, user);
    if (!(await setStatus(tx, id, 'disabled', at))) return user;
    const ended = await endSessions(tx, { userId: id }, 'disabled', at);
    const acting = await endImpersonations(tx, id, at, 'disabled');
    await distrustDevices(tx, id);
    await endOneTime(tx, id, LINKS, by.origin.now);
    await record({
      audit: [
        lineOf(by, 'user.disabled', {
          subject: id,
          detail: { sessions_ended: ended.length },
          ...(reason === undefined ? {} : { personal: { reason } }),
        }),
      ],
      mail: [
        {
          template: 'account-disabled',
          to: user.email,
          locale: user.locale,
          userId: id,
          data: { when: at.toISOString() },
        },
      ],
      changed: [id, ...ended, ...acting],
    });
    return (await findUser(tx, id)) as UserRow;
  });
}

export async function enableUser(unit: Unit, by: Administrator, id: string): Promise<UserRow> {
  return administer(unit, by, 'users:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    if (!(await setStatus(tx, id, 'active', new Date(by.origin.now)))) return user;
    await record({ audit: [lineOf(by, 'user.enabled', { subject: id })], changed: [id] });
    return (await findUser(tx, id)) as UserRow;
  });
}

/** Lifts the lock-out that wrong passwords have brought about. */
export async function unlockUser(unit: Unit, guesses: Guesses, by: Administrator, id: string): Promise<UserRow> {
  return administer(unit, by, 'users:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    await guesses.unlock(tx, user);
    await record({ audit: [lineOf(by, 'user.unlocked', { subject: id })] });
    return user;
  });
}

export async function verifyUserEmail(unit: Unit, by: Administrator, id: string): Promise<UserRow> {
  return administer(unit, by, 'users:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    if (user.status !== 'active') throw new Refusal('conflict', { detail: 'The account is disabled.' });
    if (!(await markVerified(tx, id, new Date(by.origin.now)))) return user;
    await endOneTime(tx, id, ['verify-email'], by.origin.now);
    await record({ audit: [lineOf(by, 'user.email_verified', { subject: id })], changed: [id] });
    return (await findUser(tx, id)) as UserRow;
  });
}
