import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** Sign-in by password. Owns no table; what comes after the password is core/signin's to decide. */
export function login(deps: Deps): Feature {
  return { name: 'login', routes: (app) => routes(app, deps) };
}
