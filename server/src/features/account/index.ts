import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** What signed-in people do with their own account: profile, password, address, export, deletion. */
export function account(deps: Deps): Feature {
  return { name: 'account', routes: (app) => routes(app, deps) };
}
