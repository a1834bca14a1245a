import type { RequestOrigin } from '../../lib/origin.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Sql, Tx } from '../../platform/db/index.ts';
import type { Principal } from '../../platform/http/principal.ts';
import type { AuditEvent } from '../audit/index.ts';
import type { Effects, Unit } from '../effects/index.ts';
import { countAdministrators, findUser, lockAdministrators, lockUser, type UserRow } from '../users/index.ts';
import { covers, EVERYTHING, type Permission } from './permissions.ts';
import { findRoles, rolesWithin } from './store.ts';

/** Who administers, and from where. */
export interface Administrator {
  readonly principal: Principal;
  readonly origin: RequestOrigin;
  /**
   * The command line, which has no account: whoever holds the machine holds everything. What it says of itself goes into
   * its lines; `principal` is then nobody's.
   */
  readonly operator?: { readonly command: string; readonly os_user: string };
}

export type Record = (effects: Effects) => Promise<void>;

/** What the administrator may do, as of inside the transaction. */
export interface Authority {
  readonly held: readonly string[];
}

/**
 * One administrative change in one transaction. All of them run one after another (the row of the role `admin` is the
 * lock), and each reads anew, behind the lock, what the administrator may do: who was demoted a moment ago changes
 * nothing any more, and two who demote each other do not both succeed (ADM-08). A refusal leaves a line.
 */
export async function administer<T>(
  unit: Unit,
  by: Administrator,
  permission: Permission,
  work: (tx: Tx, record: Record, authority: Authority) => Promise<T>,
): Promise<T> {
  return recordDenial(unit, by, permission, () =>
    unit.change(async (tx, record) => work(tx, record, await requireAuthority(tx, by, permission))),
  );
}

/**
 * For work of many transactions, once in each of them before it writes: whether the administrator still may, and still
 * may give these roles. What he could when it began is not enough (ADM-08).
 */
export async function requireStill(
  tx: Tx,
  by: Administrator,
  permission: Permission,
  roles: readonly string[],
): Promise<void> {
  const authority = await requireAuthority(tx, by, permission);
  if (roles.length === 0) return;
  requireHeld(authority, ['roles:write']);
  await requireGrantable(tx, authority, [...new Set(roles)]);
}

/** Whoever is refused for lack of rights leaves a line, though what he tried is rolled back. */
export async function recordDenial<T>(
  unit: Unit,
  by: Administrator,
  permission: Permission,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal && error.code === 'forbidden') await unit.record({ audit: [denied(by, permission)] });
    throw error;
  }
}

async function requireAuthority(tx: Tx, by: Administrator, permission: Permission): Promise<Authority> {
  await lockAdministrators(tx);
  const held = by.operator === undefined ? await permissionsOf(tx, by.principal) : [EVERYTHING];
  if (!covers(held, [permission])) throw new Refusal('forbidden');
  return { held };
}

async function permissionsOf(tx: Tx, { user }: Principal): Promise<readonly string[]> {
  const actor = await findUser(tx, user.id);
  if (actor?.status !== 'active') throw new Refusal('session_revoked');
  return actor.permissions;
}

function denied({ principal, origin }: Administrator, permission: Permission): AuditEvent {
  return {
    action: 'access.denied',
    outcome: 'denied',
    actor: { type: 'user', id: principal.user.id },
    reason: 'authority',
    origin,
    detail: { permission },
  };
}

/** The line of an administrator's act; of both where one acts as the other. */
export function lineOf(
  { principal, origin, operator }: Administrator,
  action: AuditEvent['action'],
  more: Pick<AuditEvent, 'subject' | 'session' | 'reason' | 'detail' | 'personal'> = {},
): AuditEvent {
  if (operator !== undefined) {
    return {
      action,
      outcome: 'success',
      actor: { type: 'system' },
      ...more,
      detail: { ...more.detail, ...operator },
      origin,
    };
  }
  const { user, impersonator } = principal;
  const both = impersonator === null ? {} : { detail: { ...more.detail, impersonator } };
  return { action, outcome: 'success', actor: { type: 'admin', id: user.id }, ...more, ...both, origin };
}

/** The user whom the change is about, locked. Who holds more than the administrator is out of reach (ADM-07). */
export async function requireTarget(tx: Tx, { held }: Authority, id: string): Promise<UserRow> {
  await lockUser(tx, id);
  const user = await findUser(tx, id);
  if (user === undefined) throw new Refusal('not_found');
  if (!covers(held, user.permissions)) {
    throw new Refusal('forbidden', { detail: 'This user holds permissions that you do not hold.' });
  }
  return user;
}

/** Permissions that the administrator may pass on: those that are his own. */
export function requireHeld({ held }: Authority, permissions: readonly string[]): void {
  if (covers(held, permissions)) return;
  throw new Refusal('forbidden', { detail: 'Nobody can give permissions that they do not hold.' });
}

/** Roles that exist, all of them the administrator's to give. */
export async function requireGrantable(tx: Tx, authority: Authority, names: readonly string[]): Promise<void> {
  const found = await findRoles(tx, names);
  const unknown = names.filter((name) => !found.some((role) => role.name === name));
  if (unknown.length > 0) {
    throw new Refusal('validation_failed', {
      errors: [{ field: 'roles', code: 'unknown_role', message: 'names a role that does not exist' }],
    });
  }
  requireHeld(
    authority,
    found.flatMap((role) => role.permissions),
  );
}

/** Names of the roles that who holds these permissions may give. */
export async function grantableRoles(sql: Sql, held: readonly string[]): Promise<ReadonlySet<string>> {
  if (!covers(held, ['roles:write'])) return new Set();
  return new Set(await rolesWithin(sql, held, held.includes(EVERYTHING)));
}

/** Before an active administrator is disabled, deleted or demoted: another one must be left. */
export async function requireAnotherAdministrator(tx: Tx, user: UserRow): Promise<void> {
  if (user.status !== 'active' || !user.roles.includes('admin')) return;
  if ((await countAdministrators(tx)) > 1) return;
  throw new Refusal('conflict', { detail: 'This is the last active administrator. Name another one first.' });
}

/** `accepted` are the versions that the caller sent in If-Match. */
export function requireVersion(version: number, accepted: readonly number[]): void {
  if (!accepted.includes(version)) throw new Refusal('version_stale');
}
