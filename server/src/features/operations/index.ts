import type { Feature } from '../feature.ts';
import { contractRoutes } from './contract-routes.ts';
import { type Deps, routes } from './routes.ts';

/** What operators, load balancers and client libraries ask: is it alive, is it ready, with which keys, to what contract. */
export function operations(deps: Deps): Feature {
  return {
    name: 'operations',
    routes(app) {
      routes(app, deps);
      contractRoutes(app, deps);
    },
  };
}
