import type { FastifyInstance } from 'fastify';
import type { House } from '../feature.ts';
import { changeRoleRoute } from './change-role.ts';
import { changeUserRoute } from './change-user.ts';
import { clearLimitsRoute } from './clear-limits.ts';
import { createRoleRoute } from './create-role.ts';
import { createUserRoute } from './create-user.ts';
import { deleteRoleRoute } from './delete-role.ts';
import { deleteUserRoute } from './delete-user.ts';
import { disableUserRoute } from './disable-user.ts';
import { enableUserRoute } from './enable-user.ts';
import { endUserSessionsRoutes } from './end-user-sessions.ts';
import { explainClientIpRoute } from './explain-client-ip.ts';
import { explainLimitsRoute } from './explain-limits.ts';
import { exportUsersRoute } from './export-users.ts';
import { impersonateUserRoute } from './impersonate-user.ts';
import { importUsersRoute } from './import-users.ts';
import { listFlagsRoute } from './list-flags.ts';
import { listKeysRoute } from './list-keys.ts';
import { listRolesRoutes } from './list-roles.ts';
import { listUserSessionsRoute } from './list-user-sessions.ts';
import { listUsersRoute } from './list-users.ts';
import { readRoleRoute } from './read-role.ts';
import { readStatsRoute } from './read-stats.ts';
import { readUserRoute } from './read-user.ts';
import { readUserRolesRoute } from './read-user-roles.ts';
import { replaceFlagsRoute } from './replace-flags.ts';
import { resetUserFactorsRoute } from './reset-user-factors.ts';
import { revokeKeyRoute } from './revoke-key.ts';
import { rotateKeysRoute } from './rotate-keys.ts';
import { searchAuditRoute } from './search-audit.ts';
import { sendPasswordResetRoute } from './send-password-reset.ts';
import { setUserRolesRoute } from './set-user-roles.ts';
import { unlockUserRoute } from './unlock-user.ts';
import { verifyAuditRoute } from './verify-audit.ts';
import { verifyUserEmailRoute } from './verify-user-email.ts';

export type Deps = House;

const operations: readonly ((app: FastifyInstance, deps: Deps) => void)[] = [
  listUsersRoute,
  createUserRoute,
  readUserRoute,
  changeUserRoute,
  deleteUserRoute,
  disableUserRoute,
  enableUserRoute,
  unlockUserRoute,
  verifyUserEmailRoute,
  sendPasswordResetRoute,
  resetUserFactorsRoute,
  impersonateUserRoute,
  listUserSessionsRoute,
  endUserSessionsRoutes,
  readUserRolesRoute,
  setUserRolesRoute,
  importUsersRoute,
  exportUsersRoute,
  listRolesRoutes,
  createRoleRoute,
  readRoleRoute,
  changeRoleRoute,
  deleteRoleRoute,
  searchAuditRoute,
  verifyAuditRoute,
  listKeysRoute,
  rotateKeysRoute,
  revokeKeyRoute,
  listFlagsRoute,
  replaceFlagsRoute,
  readStatsRoute,
  explainLimitsRoute,
  clearLimitsRoute,
  explainClientIpRoute,
];

export function routes(app: FastifyInstance, deps: Deps): void {
  for (const operation of operations) operation(app, deps);
}
