import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/**
 * Registration with an address and a password. Owns no table: the account is core/users', the link core/one-time's.
 * Verifying the address is email-verification's; choosing a new password for an unverified account is password-reset's.
 */
export function register(deps: Deps): Feature {
  return { name: 'register', routes: (app) => routes(app, deps) };
}
