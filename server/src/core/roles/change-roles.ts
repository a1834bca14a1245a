import { Refusal } from '../../lib/refusal.ts';
import type { Tx } from '../../platform/db/index.ts';
import { EVERYONE } from '../changes/index.ts';
import type { Unit } from '../effects/index.ts';
import { type Administrator, type Authority, administer, lineOf, requireHeld, requireVersion } from './authority.ts';
import { isPermission } from './permissions.ts';
import {
  deleteRole as deleteRow,
  endImpersonationsByRole,
  findRole,
  insertRole,
  type RoleRow,
  updateRole,
} from './store.ts';

export interface NewRole {
  name: string;
  description?: string;
  permissions: readonly string[];
}

export async function createRole(unit: Unit, by: Administrator, role: NewRole): Promise<RoleRow> {
  const permissions = requireKnown(role.permissions);
  return administer(unit, by, 'roles:write', async (tx, record, authority) => {
    requireHeld(authority, permissions);
    const { name, description = '' } = role;
    if (!(await insertRole(tx, { name, description, permissions }, new Date(by.origin.now)))) {
      throw new Refusal('conflict', { detail: 'There is a role of this name.' });
    }
    await record({ audit: [lineOf(by, 'role.created', { detail: { role: name, permissions } })] });
    return (await findRole(tx, name)) as RoleRow;
  });
}

/** In force everywhere within a second: what everybody may do is read anew. */
export async function changeRole(
  unit: Unit,
  by: Administrator,
  name: string,
  change: { description?: string; permissions?: readonly string[] },
  accepted: readonly number[],
): Promise<RoleRow> {
  const permissions = change.permissions && requireKnown(change.permissions);
  const at = new Date(by.origin.now);
  return administer(unit, by, 'roles:write', async (tx, record, authority) => {
    const role = await requireRole(tx, authority, name, accepted);
    if (permissions) requireHeld(authority, permissions);
    const next = {
      name,
      description: change.description ?? role.description,
      permissions: permissions ?? role.permissions,
    };
    const ended = permissions ? await endImpersonationsByRole(tx, name, at) : [];
    const changed = (await updateRole(tx, next, at)) as RoleRow;
    await record({
      audit: [lineOf(by, 'role.updated', { detail: { role: name, from: role.permissions, to: next.permissions } })],
      changed: [EVERYONE, ...ended],
    });
    return changed;
  });
}

export async function deleteRole(
  unit: Unit,
  by: Administrator,
  name: string,
  accepted: readonly number[],
): Promise<void> {
  await administer(unit, by, 'roles:write', async (tx, record, authority) => {
    const role = await requireRole(tx, authority, name, accepted);
    const ended = await endImpersonationsByRole(tx, name, new Date(by.origin.now));
    await deleteRow(tx, name);
    await record({
      audit: [lineOf(by, 'role.deleted', { detail: { role: name, permissions: role.permissions } })],
      changed: [EVERYONE, ...ended],
    });
  });
}

async function requireRole(tx: Tx, authority: Authority, name: string, accepted: readonly number[]): Promise<RoleRow> {
  const role = await findRole(tx, name);
  if (role === undefined) throw new Refusal('not_found');
  if (role.built_in) throw new Refusal('conflict', { detail: 'A built-in role stays as it is.' });
  requireHeld(authority, role.permissions);
  requireVersion(role.updated_at.getTime(), accepted);
  return role;
}

function requireKnown(permissions: readonly string[]): string[] {
  const unknown = permissions.some((one) => !isPermission(one));
  if (unknown) {
    throw new Refusal('validation_failed', {
      errors: [{ field: 'permissions', code: 'unknown_permission', message: 'names a permission that does not exist' }],
    });
  }
  return [...new Set(permissions)].sort();
}
