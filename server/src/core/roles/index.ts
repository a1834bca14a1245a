/**
 * Roles and what they allow, and the rules by which one person changes what another may do. It owns auth.roles and
 * auth.user_roles.
 */
export {
  type Administrator,
  administer,
  grantableRoles,
  lineOf,
  recordDenial,
  requireAnotherAdministrator,
  requireGrantable,
  requireStill,
  requireTarget,
  requireVersion,
} from './authority.ts';
export { changeRole, createRole, deleteRole } from './change-roles.ts';
export { covers, EVERYTHING, permissionCatalogue } from './permissions.ts';
export { findRole, findRoles, listRoles, type RoleRow, replaceRoles } from './store.ts';
