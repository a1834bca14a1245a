/** What a line may say of a user, in the order of the columns that an export writes. */
export const FIELDS: readonly string[] = [
  'id',
  'email',
  'email_verified',
  'name',
  'picture',
  'locale',
  'roles',
  'disabled',
  'created_at',
  'password_hash',
  'password',
];
