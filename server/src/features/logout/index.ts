import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** The ends of sessions that their own user asks for. */
export function logout(deps: Deps): Feature {
  return { name: 'logout', routes: (app) => routes(app, deps) };
}
