import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** The proof that an address is its user's: the link's use, and sending it again. */
export function emailVerification(deps: Deps): Feature {
  return { name: 'email-verification', routes: (app) => routes(app, deps) };
}
