import { Refusal } from '../../lib/refusal.ts';
import { eraseSubject } from '../audit/index.ts';
import type { Unit } from '../effects/index.ts';
import { dropMailsOf } from '../outbox/index.ts';
import {
  type Administrator,
  administer,
  lineOf,
  replaceRoles,
  requireAnotherAdministrator,
  requireGrantable,
  requireTarget,
  requireVersion,
} from '../roles/index.ts';
import { endImpersonations } from '../sessions/index.ts';
import { deleteUser as deleteRow, findUser, requireName, type UserRow, updateProfile } from '../users/index.ts';
import { bumpVersion } from './store.ts';

export interface ProfileChange {
  name?: string | null;
  picture?: string | null;
  locale?: string | null;
}

export async function changeUser(
  unit: Unit,
  by: Administrator,
  id: string,
  change: ProfileChange,
  accepted: readonly number[],
): Promise<UserRow> {
  const clean = typeof change.name === 'string' ? { ...change, name: requireName(change.name) } : change;
  return administer(unit, by, 'users:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    requireVersion(user.version, accepted);
    const changed = await updateProfile(tx, id, clean, new Date(by.origin.now), user.version);
    if (changed === undefined) throw new Refusal('version_stale');
    await record({
      audit: [lineOf(by, 'user.updated', { subject: id, detail: { fields: Object.keys(change) } })],
      changed: [id],
    });
    return changed;
  });
}

/**
 * These roles and no others: the administrator holds all that the user held before, and all that he holds afterwards.
 * Who acts as the user was let in by what he held until now, and gains nothing by what he is given (ADM-07).
 */
export async function setUserRoles(
  unit: Unit,
  by: Administrator,
  id: string,
  wanted: readonly string[],
  accepted: readonly number[],
): Promise<UserRow> {
  const roles = [...new Set(wanted)].sort();
  const at = new Date(by.origin.now);
  return administer(unit, by, 'roles:write', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    requireVersion(user.version, accepted);
    await requireGrantable(tx, authority, roles);
    if (!roles.includes('admin')) await requireAnotherAdministrator(tx, user);
    await replaceRoles(tx, id, roles);
    await bumpVersion(tx, id, at);
    const ended = await endImpersonations(tx, id, at, 'roles_changed');
    await record({
      audit: [lineOf(by, 'user.roles_changed', { subject: id, detail: { from: user.roles, to: roles } })],
      changed: [id, ...ended],
    });
    return (await findUser(tx, id)) as UserRow;
  });
}

/** For good, with all that hangs on it. What its lines say of the person goes; that it was done, and by whom, stays. */
export async function deleteUser(
  unit: Unit,
  by: Administrator,
  id: string,
  accepted: readonly number[],
): Promise<void> {
  const at = new Date(by.origin.now);
  await administer(unit, by, 'users:delete', async (tx, record, authority) => {
    const user = await requireTarget(tx, authority, id);
    requireVersion(user.version, accepted);
    await requireAnotherAdministrator(tx, user);
    const ended = await endImpersonations(tx, id, at, 'deleted');
    await deleteRow(tx, id);
    await dropMailsOf(tx, id);
    await record({
      audit: [lineOf(by, 'user.deleted', { subject: id })],
      mail: [{ template: 'account-deleted', to: user.email, locale: user.locale, data: { when: at.toISOString() } }],
      changed: [id, ...ended],
    });
    await eraseSubject(tx, id);
  });
}
