import type { Feature } from '../feature.ts';
import { ownRoutes } from './own-routes.ts';
import { type Deps, routes } from './routes.ts';
import { signUpRoutes } from './sign-up-routes.ts';

/**
 * Passkeys: as the only way in, for signing up without a password, and as the user's own list of them. The table, the
 * challenges and all of WebAuthn are core/passkeys'; as a second factor they are shown at `POST /auth/mfa`.
 */
export function passkeys(deps: Deps): Feature {
  return {
    name: 'passkeys',
    routes(app) {
      routes(app, deps);
      signUpRoutes(app, deps);
      ownRoutes(app, deps);
    },
  };
}
