import type { Feature } from '../feature.ts';
import { enrolRoutes } from './enrol-routes.ts';
import { type Deps, routes } from './routes.ts';
import { tellUnfinished } from './tell-unfinished.ts';

/**
 * The second step of a sign-in, whatever the first one was: one more proof for the `mfa_token`, or, where policy wants a
 * factor and there is none, its enrolment. Owns no table; what counts as enough is core/signin's to decide.
 */
export function mfa(deps: Deps): Feature {
  return {
    name: 'mfa',
    routes(app) {
      routes(app, deps);
      enrolRoutes(app, deps);
    },
    jobs: [{ name: 'unfinished-sign-ins', everySeconds: 60, run: () => tellUnfinished(deps) }],
  };
}
