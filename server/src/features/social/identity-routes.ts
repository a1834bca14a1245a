import type { FastifyInstance } from 'fastify';
import { listIdentities } from '../../core/identities/index.ts';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import { identityView, linkByToken, unlink } from './identities.ts';
import { readProviderToken } from './provider-token.ts';
import type { Deps } from './routes.ts';
import * as schema from './schema.ts';
import { startLinking } from './start.ts';

const tags = ['My account'];

export function identityRoutes(app: FastifyInstance, deps: Deps): void {
  linkRoutes(app, deps);
  listRoutes(app, deps);
}

function linkRoutes(app: FastifyInstance, deps: Deps): void {
  const { API_PREFIX } = deps.config;
  typed(app).post(
    `${API_PREFIX}/oauth/:provider/link`,
    {
      config: { access: 'session', fresh: 'factor' },
      schema: {
        tags,
        summary: 'Add a provider to sign in with',
        description:
          'Takes recent authentication. Sets a cookie that binds the flow to this browser (pages of other origins call it with credentials); then send the browser to `authorization_url`. It comes back to `return_to` with `?linked=`, or `?error=`.',
        params: schema.ProviderParams,
        body: schema.LinkBody,
        response: schema.LinkAnswers,
      },
    },
    async (request, reply) => {
      const from = { origin: request.from, cookie: request.headers.cookie };
      const principal = requireSession(request);
      const { url, cookies } = await startLinking(
        deps,
        request.params.provider,
        request.body.return_to,
        principal,
        from,
      );
      return reply.header('set-cookie', cookies).send({ authorization_url: url });
    },
  );
  typed(app).post(
    `${API_PREFIX}/me/identities`,
    {
      config: { access: 'session', fresh: 'factor' },
      schema: {
        tags,
        summary: 'Link the provider that a sign-in was refused for',
        description:
          'After `link_required`: sign in to the account in another way, then send the `link_token`, within a quarter of an hour and from where the sign-in began.',
        body: schema.LinkTokenBody,
        response: schema.LinkedAnswers,
      },
    },
    async (request, reply) => {
      const from = { cookie: request.headers.cookie, origin: request.from };
      const identity = await linkByToken(deps, requireSession(request), request.body, from);
      return reply.code(201).send(identityView(identity));
    },
  );
}

function listRoutes(app: FastifyInstance, deps: Deps): void {
  const base = `${deps.config.API_PREFIX}/me/identities`;
  typed(app).get(
    base,
    {
      config: { access: 'session' },
      schema: { tags, summary: 'My accounts at providers', response: schema.IdentitiesAnswers },
    },
    async (request) => {
      const rows = await listIdentities(deps.db, requireSession(request).user.id);
      return { data: rows.map(identityView), next_cursor: null };
    },
  );
  typed(app).delete(
    `${base}/:id`,
    {
      config: { access: 'session', fresh: 'factor' },
      schema: {
        tags,
        summary: 'Unlink a provider',
        description: 'Takes recent authentication. 409 `last_sign_in_method` for the last way in.',
        params: schema.IdParams,
        response: schema.NoContent,
      },
    },
    async (request, reply) => {
      await unlink(deps, requireSession(request), request.params.id, request.from);
      return reply.code(204).send(null);
    },
  );
  typed(app).get(
    `${base}/:id/token`,
    {
      config: { access: 'session', fresh: 'factor' },
      schema: {
        tags,
        summary: 'The provider’s access token',
        description: 'Where `store_tokens` was asked for. Takes recent authentication.',
        params: schema.IdParams,
        response: schema.TokenAnswers,
      },
    },
    async (request) => {
      const tokens = await readProviderToken(deps, requireSession(request), request.params.id);
      const { accessToken, expiresAt, scope } = tokens;
      const expires_at = expiresAt === null ? null : new Date(expiresAt).toISOString();
      return { access_token: accessToken, expires_at, scope };
    },
  );
}
