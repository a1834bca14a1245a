import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** Sign-in by a code in a mail. Owns no table: the code is core/one-time's, who comes in by it core/mail-sign-in's. */
export function mailCode(deps: Deps): Feature {
  return { name: 'mail-code', routes: (app) => routes(app, deps) };
}
