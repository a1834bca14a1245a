import type { FastifyInstance } from 'fastify';
import { DOCS_STYLESHEET, renderDocs } from '../../platform/http/docs-page.ts';
import { buildOpenApi } from '../../platform/http/openapi.ts';
import type { OpenApiDocument } from '../../platform/http/openapi-document.ts';
import type { Deps } from './routes.ts';

const hidden = { access: 'public', limits: 'none', hidden: true } as const;
const PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The contract and the page that shows it, both made of the routes themselves when they are first asked for. */
export function contractRoutes(app: FastifyInstance, { config, routes, version }: Deps): void {
  let document: OpenApiDocument | undefined;
  let page: { html: string; css: string } | undefined;
  const contract = (): OpenApiDocument => {
    document ??= buildOpenApi(routes, config, version);
    return document;
  };
  const rendered = (): { html: string; css: string } => {
    page ??= renderDocs(contract(), { prefix: config.API_PREFIX });
    return page;
  };
  // Who opens the server in a browser is shown what there is.
  for (const path of new Set(['/', config.API_PREFIX || '/'])) {
    app.get(path, { config: hidden }, async (_request, reply) => reply.redirect('/docs'));
  }
  app.get(`${config.API_PREFIX}/openapi.json`, { config: hidden }, async (_request, reply) => {
    reply.header('cache-control', 'no-cache').type('application/json; charset=utf-8');
    return JSON.stringify(contract());
  });
  app.get('/docs', { config: hidden }, async (_request, reply) => {
    reply.header('content-security-policy', PAGE_POLICY).header('cache-control', 'no-cache');
    return reply.type('text/html; charset=utf-8').send(rendered().html);
  });
  app.get(DOCS_STYLESHEET, { config: hidden }, async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=31536000, immutable');
    return reply.type('text/css; charset=utf-8').send(rendered().css);
  });
}
