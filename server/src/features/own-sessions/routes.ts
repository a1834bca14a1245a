import type { FastifyInstance } from 'fastify';
import { userActivity } from '../../core/audit/index.ts';
import { listSessions, sessionView } from '../../core/sessions/index.ts';
import { isUuid } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { endOwnSession, forgetDevice } from './end-session.ts';
import * as schema from './schema.ts';
import { listDevices } from './store.ts';

export type Deps = Pick<House, 'config' | 'db' | 'unit' | 'sessions' | 'clock'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  sessionRoutes(app, deps);
  deviceRoutes(app, deps);
  typed(app).get(
    `${deps.config.API_PREFIX}/me/activity`,
    {
      config: { access: 'session' },
      schema: {
        tags: ['My sessions'],
        summary: 'My audit lines',
        querystring: schema.PageQuery,
        response: schema.ActivityAnswers,
      },
    },
    async (request) => {
      const { limit = 25, cursor } = request.query;
      return userActivity(deps.db, requireSession(request).user.id, {
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      });
    },
  );
}

function sessionRoutes(app: FastifyInstance, { config, db, unit, sessions, clock }: Deps): void {
  const path = `${config.API_PREFIX}/me/sessions`;
  const tags = ['My sessions'];
  typed(app).get(
    path,
    {
      config: { access: 'session' },
      schema: {
        tags,
        summary: 'Where I am signed in',
        querystring: schema.PageQuery,
        response: schema.SessionsAnswers,
      },
    },
    async (request) => {
      const principal = requireSession(request);
      const now = clock.now();
      const page = pageOf(request.query);
      const rows = await listSessions(db, principal.user.id, new Date(now), sessions.idleSince(now), oneMore(page));
      const data = rows
        .slice(0, page.limit)
        .map((row) => ({ ...sessionView(row), current: row.id === principal.sessionId }));
      return { data: data as never[], next_cursor: rows.length > page.limit ? (data.at(-1)?.id ?? null) : null };
    },
  );
  typed(app).delete(
    `${path}/:id`,
    {
      config: { access: 'session' },
      schema: { tags, summary: 'Sign out one of my devices', params: schema.IdParams, response: schema.NoContent },
    },
    async (request, reply) => {
      await endOwnSession(unit, requireSession(request), request.params.id, request.from);
      return reply.code(204).send(null);
    },
  );
}

function deviceRoutes(app: FastifyInstance, { config, db, unit, clock }: Deps): void {
  const path = `${config.API_PREFIX}/me/trusted-devices`;
  const tags = ['My sessions'];
  typed(app).get(
    path,
    {
      config: { access: 'session' },
      schema: {
        tags,
        summary: 'Devices that are known to be mine',
        description:
          'They get in while the account is locked for strangers, and those with `trusted_until` without a second factor.',
        querystring: schema.PageQuery,
        response: schema.DevicesAnswers,
      },
    },
    async (request) => {
      const principal = requireSession(request);
      const page = pageOf(request.query);
      const rows = await listDevices(db, principal.user.id, new Date(clock.now()), oneMore(page));
      const data = rows
        .slice(0, page.limit)
        .map((row) => ({ ...row, ...timesOf(row), current: row.id === principal.deviceId }));
      return { data: data as never[], next_cursor: rows.length > page.limit ? (data.at(-1)?.id ?? null) : null };
    },
  );
  typed(app).delete(
    path,
    { config: { access: 'session' }, schema: { tags, summary: 'Forget all my devices', response: schema.NoContent } },
    async (request, reply) => {
      await forgetDevice(unit, requireSession(request), null, request.from);
      return reply.code(204).send(null);
    },
  );
  typed(app).delete(
    `${path}/:id`,
    {
      config: { access: 'session' },
      schema: { tags, summary: 'Forget one of my devices', params: schema.IdParams, response: schema.NoContent },
    },
    async (request, reply) => {
      await forgetDevice(unit, requireSession(request), request.params.id, request.from);
      return reply.code(204).send(null);
    },
  );
}

function pageOf({ limit = 25, cursor }: { limit?: number; cursor?: string }): { limit: number; before: string | null } {
  if (cursor !== undefined && !isUuid(cursor)) {
    throw new Refusal('validation_failed', {
      errors: [{ field: 'cursor', code: 'cursor', message: 'is not one that this list gave' }],
    });
  }
  return { limit, before: cursor ?? null };
}

// One row more than the page shows whether there is a next one.
function oneMore(page: { limit: number; before: string | null }): { limit: number; before: string | null } {
  return { ...page, limit: page.limit + 1 };
}

function timesOf(row: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(row).flatMap(([key, value]) => (value instanceof Date ? [[key, value.toISOString()]] : [])),
  );
}
