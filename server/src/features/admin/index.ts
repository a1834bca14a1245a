import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/**
 * What administrators do, one file per operation: each unpacks a request, calls one act and answers. It owns no table
 * and no rule; who may do what to whom is decided in core/roles and core/administration.
 */
export function admin(deps: Deps): Feature {
  return { name: 'admin', routes: (app) => routes(app, deps) };
}
