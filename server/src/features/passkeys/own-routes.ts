import type { FastifyInstance } from 'fastify';
import { listPasskeys, passkeyResponseOf, passkeyView } from '../../core/passkeys/index.ts';
import { isUuid } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import { setCookie } from '../../platform/http/cookies.ts';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import { addPasskey, passkeyOptions, removePasskey, renameOwnPasskey } from './own-passkeys.ts';
import type { Deps } from './routes.ts';
import * as schema from './schema.ts';

const tags = ['My passkeys'];

export function ownRoutes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/me/passkeys`;
  listRoute(app, deps, path);
  creationRoutes(app, deps, path);
  typed(app).patch(
    `${path}/:id`,
    {
      config: { access: 'session', withoutFactor: true },
      schema: {
        tags,
        summary: 'Rename one of my passkeys',
        params: schema.IdParams,
        body: schema.RenameBody,
        response: schema.RenameAnswers,
      },
    },
    async (request) => {
      const what = { id: request.params.id, name: request.body.name };
      return passkeyView(await renameOwnPasskey(deps, requireSession(request), what, request.from));
    },
  );
  typed(app).delete(
    `${path}/:id`,
    {
      config: { access: 'session', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Remove one of my passkeys',
        description:
          '409 `last_sign_in_method` for the last way into the account. With the last second factor the recovery codes go.',
        params: schema.IdParams,
        response: schema.NoContent,
      },
    },
    async (request, reply) => {
      await removePasskey(deps, requireSession(request), request.params.id, request.from);
      return reply.code(204).send(null);
    },
  );
}

function listRoute(app: FastifyInstance, { db }: Deps, path: string): void {
  typed(app).get(
    path,
    {
      config: { access: 'session', withoutFactor: true },
      schema: {
        tags,
        summary: 'My passkeys',
        description: 'Newest first, with when each was last used and whether a copy of it is kept.',
        querystring: schema.ListQuery,
        response: schema.ListAnswers,
      },
    },
    async (request) => {
      const { limit = 25, cursor } = request.query;
      if (cursor !== undefined && !isUuid(cursor)) {
        const error = { field: 'cursor', code: 'cursor', message: 'is not one that this list gave' };
        throw new Refusal('validation_failed', { errors: [error] });
      }
      const page = { limit: limit + 1, before: cursor ?? null };
      const rows = await listPasskeys(db, requireSession(request).user.id, page);
      const data = rows.slice(0, limit).map(passkeyView);
      return { data, next_cursor: rows.length > limit ? (data.at(-1)?.id ?? null) : null };
    },
  );
}

function creationRoutes(app: FastifyInstance, deps: Deps, path: string): void {
  typed(app).post(
    `${path}/options`,
    {
      config: { access: 'session', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Options for a new passkey',
        description:
          'For `PublicKeyCredential.parseCreationOptionsFromJSON` and `navigator.credentials.create`. The challenge is of this session, lives five minutes, and for one use.',
        body: schema.OwnOptionsBody,
        response: { 200: schema.CreationOptions },
      },
    },
    async (request, reply) => {
      const isSecondFactorOnly = request.body.user_verification === 'discouraged';
      const options = await passkeyOptions(deps, requireSession(request), isSecondFactorOnly, request.from.now);
      return reply.send(options as never);
    },
  );
  typed(app).post(
    path,
    {
      config: { access: 'session', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Add a passkey',
        description:
          'The body is what `credential.toJSON()` gives, or has it under `credential`, with a name. The owner is told by mail. With the first second factor of the account come recovery codes, shown once.',
        body: schema.AddBody,
        response: schema.AddAnswers,
      },
    },
    async (request, reply) => {
      const principal = requireSession(request);
      const body = { response: passkeyResponseOf(request.body), name: request.body.name };
      const { passkey, recoveryCodes, cookie } = await addPasskey(deps, principal, body, request.from);
      const { cookies, config, sessions } = deps;
      if (cookie !== null)
        reply.header('set-cookie', setCookie(cookies, cookies.session, cookie, config.SESSION_MAX_AGE));
      return reply.code(201).send({
        ...passkeyView(passkey),
        ...(recoveryCodes === null ? {} : { recovery_codes: recoveryCodes }),
        ...(cookie === null ? {} : { csrf_token: sessions.csrfTokens(principal.sessionId)[0] as string }),
      });
    },
  );
}
