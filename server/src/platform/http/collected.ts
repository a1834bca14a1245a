import type { FastifyInstance, RouteOptions } from 'fastify';
import type { RouteRules } from './route.ts';

export interface CollectedRoute {
  method: string;
  url: string;
  rules: RouteRules;
  schema: Record<string, unknown>;
}

export interface RouteTable {
  /** As declared; the HEAD that every GET answers as well is not listed. */
  readonly routes: CollectedRoute[];
  /** The methods that a request target takes, for `Allow`. */
  methodsOf(target: string): string[];
}

// An absolute-form target (RFC 9112, section 3.2.2) is routed by its path alone.
const AUTHORITY = /^https?:\/\/[^/]*/i;

/** Deny by default: every route says who may call it, or the server does not start. */
export function collectRoutes(app: FastifyInstance): RouteTable {
  const routes: CollectedRoute[] = [];
  const patterns: { method: string; pattern: RegExp }[] = [];
  app.addHook('onRoute', (route: RouteOptions) => {
    const rules = route.config as RouteRules | undefined;
    for (const method of [route.method].flat()) {
      if (rules?.access === undefined) throw new Error(`${method} ${route.url} declares no access: it cannot start`);
      if (method !== 'HEAD') {
        routes.push({ method, url: route.url, rules, schema: (route.schema ?? {}) as Record<string, unknown> });
      }
      const pattern = route.url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[a-z_]+/g, '[^/]+');
      patterns.push({ method, pattern: new RegExp(`^${pattern}$`) });
    }
  });
  const methodsOf = (target: string): string[] => {
    const path = (target.split('?')[0] as string).replace(AUTHORITY, '');
    return patterns.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  };
  return { routes, methodsOf };
}
