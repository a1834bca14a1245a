/** Who a request speaks for, as read at use: never from the token alone. Times are milliseconds since the epoch. */
export interface Principal {
  readonly sessionId: string;
  readonly kind: 'token' | 'cookie';
  readonly deviceId: string | null;
  readonly amr: readonly string[];
  readonly authenticatedAt: number;
  /** When a second factor was last proven in this session. */
  readonly factorAt: number | null;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly user: PrincipalUser;
  /** Set while an administrator acts as this user: the administrator's own id. */
  readonly impersonator: string | null;
}

export interface PrincipalUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
  readonly locale: string | null;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly status: 'active' | 'disabled';
  readonly hasPassword: boolean;
  readonly totp: boolean;
  readonly passkeys: number;
  /** Whether a code by mail is a second factor. */
  readonly mailFactor: boolean;
  readonly recoveryCodesLeft: number;
  /** Until when policy lets the account do without a second factor; null: it was not asked for one yet. */
  readonly factorDueAt: number | null;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastLoginAt: number | null;
}

export function may(principal: Principal, permission: string): boolean {
  const held = principal.user.permissions;
  return held.includes('*') || held.includes(permission);
}

/** Authentication context class (NIST 800-63 words): `aal2` where two factors were proven in the session. */
export function acrOf(amr: readonly string[]): 'aal1' | 'aal2' {
  return amr.includes('mfa') ? 'aal2' : 'aal1';
}
