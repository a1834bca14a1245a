import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** Fresh proof within a session, and the CSRF token that cookie sessions need. */
export function reauthentication(deps: Deps): Feature {
  return { name: 'reauthentication', routes: (app) => routes(app, deps) };
}
