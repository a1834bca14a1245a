import type { Feature } from '../feature.ts';
import { type Deps, routes } from './routes.ts';

/**
 * Sign-in with accounts at providers, and their linking. Owns no table: what is kept of a flow is core/one-time's, who is
 * linked core/identities', the conversation with providers core/providers', and what comes after it core/signin's.
 */
export function social(deps: Deps): Feature {
  return { name: 'social', routes: (app) => routes(app, deps) };
}
