import type { Feature } from '../feature.ts';
import { applyAllDue } from './apply-due.ts';
import { type Deps, routes } from './routes.ts';

/**
 * What became of an administrator's request to take somebody's second factors: the owner's veto, and the work itself
 * once it is due (the sign-in that needs it does it too). Asking for it is the admin feature's.
 */
export function factorReset(deps: Deps): Feature {
  return {
    name: 'factor-reset',
    routes: (app) => routes(app, deps),
    jobs: [{ name: 'factor-resets', everySeconds: 60, run: () => applyAllDue(deps) }],
  };
}
