/**
 * What administrators do to other people's accounts and to the installation, with the rules by which they may. The
 * tables belong to the nouns; who may do what to whom is decided in core/roles.
 */
export { changeUser, deleteUser, setUserRoles } from './change-user.ts';
export { explainClientAddress } from './client-ip.ts';
export { type CreateUserDeps, createUser } from './create-user.ts';
export { fromCursor, toCursor } from './cursor.ts';
export { endUserSessions } from './end-sessions.ts';
export { findUsers } from './find-users.ts';
export { type ImpersonateDeps, impersonate } from './impersonate.ts';
export { listKeyViews, revokeKey, rotateKeys } from './keys.ts';
export { clearLimits, explainLimits, type LimitsDeps } from './limits.ts';
export { type ResetFactorsDeps, resetFactors } from './reset-factors.ts';
export { type SendResetDeps, sendPasswordReset } from './send-password-reset.ts';
export { createStats } from './stats.ts';
export { disableUser, enableUser, unlockUser, verifyUserEmail } from './user-status.ts';
