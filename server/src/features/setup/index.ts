import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** The first administrator. Closed for ever once there is one. */
export function setup(deps: Deps): Feature {
  return { name: 'setup', routes: (app) => routes(app, deps) };
}
