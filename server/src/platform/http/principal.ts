/** Who a request speaks for, as read at use: never from the token alone. Times are milliseconds since the epoch. */
export interface Principal {
  readonly sessionId: string;
  readonly kind: 'token' | 'cookie';
  readonly deviceId: string | null;
  readonly amr: readonly string[];
  readonly authenticatedAt: number;
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
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly lastLoginAt: number | null;
}

export function may(principal: Principal, permission: string): boolean {
  const held = principal.user.permissions;
  return held.includes('*') || held.includes(permission);
}
