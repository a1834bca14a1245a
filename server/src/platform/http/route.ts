import type { RequestOrigin } from '../../lib/origin.ts';
import type { Principal } from './principal.ts';

/**
 * What every route declares beside its path. A route without `access` does not start the server: deny by default.
 */
export interface RouteRules {
  /** `public`: anyone. `session`: a signed-in user. A permission: a user one of whose roles holds it. */
  access: 'public' | 'session' | { permission: string };
  /**
   * `address` (where nothing is said): counted per address unless the request carries a valid session, then per user.
   * `login`: the stricter count of routes that take a credential. `user-later`: the handler counts the user it finds.
   * `none`: never counted; a public one looks up no credential either.
   */
  limits?: 'none' | 'address' | 'login' | 'user-later';
  /**
   * Takes authentication within REAUTH_WITHIN. `factor`: by a second factor, if the account has one; for what a thief
   * of the password alone must not do.
   */
  fresh?: boolean | 'factor';
  /** Open to a session whose account lacks the second factor that policy wants: what it takes to enrol one. */
  withoutFactor?: boolean;
  /** May an administrator who acts as the user do this? No, unless said so. Reading always may. */
  impersonated?: boolean;
  /**
   * `any`: pages of other sites may post here. Only for an answer that a provider sends by a form, which a one-time value
   * and a cookie of this browser protect instead.
   */
  origin?: 'any';
  /** Left out of the contract (pages, assets). */
  hidden?: boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig extends Partial<RouteRules> {}
  interface FastifyRequest {
    from: RequestOrigin;
    /** Set where a valid credential was sent, except on what is never counted; `requireSession` spares the null. */
    principal: Principal | null;
  }
}
