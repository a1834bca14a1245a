import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/** What the signed-in user sees of the own sessions, devices and history, and may end. */
export function ownSessions(deps: Deps): Feature {
  return { name: 'own-sessions', routes: (app) => routes(app, deps) };
}
