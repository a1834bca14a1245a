import type { Feature } from '../feature.ts';
import { mailRoutes } from './mail-routes.ts';
import { type Deps, routes } from './routes.ts';

/**
 * The signed-in user's own second factors: authenticator app, code by mail, recovery codes. Their tables and rules are
 * core/factors'; passkeys are a feature of their own.
 */
export function factors(deps: Deps): Feature {
  return {
    name: 'factors',
    routes(app) {
      routes(app, deps);
      mailRoutes(app, deps);
    },
  };
}
