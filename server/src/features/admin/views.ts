import type { Flag } from '../../core/flags/index.ts';
import type { RoleRow } from '../../core/roles/index.ts';
import { principalUser, type UserRow, type UserView, userView } from '../../core/users/index.ts';

export interface AdminUserView extends UserView {
  permissions: string[];
  version: number;
}

export function adminUserView(row: UserRow): AdminUserView {
  return { ...userView(principalUser(row)), permissions: row.permissions, version: row.version };
}

export function roleView({ name, description, permissions, built_in, created_at, updated_at }: RoleRow) {
  return {
    name,
    description,
    permissions,
    built_in,
    version: updated_at.getTime(),
    created_at: created_at.toISOString(),
    updated_at: updated_at.toISOString(),
  };
}

export function flagView({ key, type, isDeclared, description, enabled, default: value, rules, updatedAt }: Flag) {
  return {
    key,
    type,
    declared: isDeclared,
    description,
    enabled,
    default: value,
    rules: rules.map(({ users, roles, ...rest }) => ({
      ...(users && { users: [...users] }),
      ...(roles && { roles: [...roles] }),
      ...rest,
    })),
    updated_at: updatedAt?.toISOString() ?? null,
  };
}
