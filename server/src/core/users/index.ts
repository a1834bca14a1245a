export { canonicalEmail } from './email.ts';
export { requireEmail, requireName } from './fields.ts';
export {
  countAdministrators,
  deleteUser,
  findPasswordHash,
  findUser,
  findUserByEmail,
  grantRole,
  insertOrFindUser,
  insertUser,
  lockAdministrators,
  lockUser,
  markVerified,
  replaceHash,
  setEmail,
  setPassword,
  touchLogin,
  USER_COLUMNS,
  type UserRow,
  updateProfile,
} from './store.ts';
export { principalUser, UserView, userText, userView } from './view.ts';
