import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** The way back in for who has lost the password, and the first password of who registers an unverified address again. */
export function passwordReset(deps: Deps): Feature {
  return { name: 'password-reset', routes: (app) => routes(app, deps) };
}
