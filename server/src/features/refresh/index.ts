import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** Refresh tokens in use. The chain of rotations is core/sessions'; this tells the user when an old one came back. */
export function refresh(deps: Deps): Feature {
  return { name: 'refresh', routes: (app) => routes(app, deps) };
}
