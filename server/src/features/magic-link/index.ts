import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/**
 * Sign-in by a link in a mail, bound to who asked for it. Owns no table: links and codes are core/one-time's, who comes
 * in by them is core/mail-sign-in's. The page behind the link is features/pages'.
 */
export function magicLink(deps: Deps): Feature {
  return { name: 'magic-link', routes: (app) => routes(app, deps) };
}
