import { Type } from 'typebox';
import type { PrincipalUser } from '../../platform/http/principal.ts';
import type { UserRow } from './store.ts';

const Time = (description: string) => Type.String({ format: 'date-time', description });

/** The `user` of the contract. */
export const UserView = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    email: Type.String(),
    email_verified: Type.Boolean(),
    name: Type.Union([Type.String(), Type.Null()]),
    picture: Type.Union([Type.String(), Type.Null()]),
    locale: Type.Union([Type.String(), Type.Null()]),
    roles: Type.Array(Type.String()),
    status: Type.Union([Type.Literal('active'), Type.Literal('disabled')]),
    has_password: Type.Boolean(),
    mfa: Type.Object({ totp: Type.Boolean(), passkeys: Type.Integer(), recovery_codes_left: Type.Integer() }),
    created_at: Time('When the account was made.'),
    updated_at: Time('When it last changed.'),
    last_login_at: Type.Union([Time('The last sign-in.'), Type.Null()]),
  },
  { $id: 'User', description: 'An account.' },
);

export interface UserView {
  id: string;
  email: string;
  email_verified: boolean;
  name: string | null;
  picture: string | null;
  locale: string | null;
  roles: string[];
  status: 'active' | 'disabled';
  has_password: boolean;
  mfa: { totp: boolean; passkeys: number; recovery_codes_left: number };
  created_at: string;
  updated_at: string;
  last_login_at: string | null;
}

export function principalUser(row: UserRow): PrincipalUser {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified_at !== null,
    name: row.name,
    picture: row.picture,
    locale: row.locale,
    roles: row.roles,
    permissions: row.permissions,
    status: row.status,
    hasPassword: row.has_password,
    totp: row.has_totp,
    passkeys: row.passkeys,
    mailFactor: row.has_mail_factor,
    recoveryCodesLeft: row.recovery_codes_left,
    factorDueAt: row.factor_due_at?.getTime() ?? null,
    version: row.version,
    createdAt: row.created_at.getTime(),
    updatedAt: row.updated_at.getTime(),
    lastLoginAt: row.last_login_at?.getTime() ?? null,
  };
}

const texts = new WeakMap<PrincipalUser, string>();

/** The same as JSON, kept for as long as the user is remembered as it is: what is asked most is written once. */
export function userText(user: PrincipalUser): string {
  let text = texts.get(user);
  if (text === undefined) {
    text = JSON.stringify(userView(user));
    texts.set(user, text);
  }
  return text;
}

export function userView(user: PrincipalUser): UserView {
  return {
    id: user.id,
    email: user.email,
    email_verified: user.emailVerified,
    name: user.name,
    picture: user.picture,
    locale: user.locale,
    roles: [...user.roles],
    status: user.status,
    has_password: user.hasPassword,
    mfa: { totp: user.totp, passkeys: user.passkeys, recovery_codes_left: user.recoveryCodesLeft },
    created_at: new Date(user.createdAt).toISOString(),
    updated_at: new Date(user.updatedAt).toISOString(),
    last_login_at: user.lastLoginAt === null ? null : new Date(user.lastLoginAt).toISOString(),
  };
}
