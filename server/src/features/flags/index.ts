import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** What the feature flags say for the signed-in user. Setting them is the administration's; the rules are core/flags'. */
export function flags(deps: Deps): Feature {
  return { name: 'flags', routes: (app) => routes(app, deps) };
}
