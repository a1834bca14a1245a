import type { FastifyInstance } from 'fastify';
import { userText, userView } from '../../core/users/index.ts';
import { clearCookie, setCookie } from '../../platform/http/cookies.ts';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type ChangeEmailDeps, confirmEmail, requestEmailChange, undoEmail } from './change-email.ts';
import { type ChangePasswordDeps, changePassword } from './change-password.ts';
import { deleteAccount } from './delete-account.ts';
import { exportAccount } from './export-account.ts';
import { changeProfile } from './profile.ts';
import * as schema from './schema.ts';

export type Deps = ChangeEmailDeps & ChangePasswordDeps & Pick<House, 'config' | 'cookies' | 'flags'>;

export function routes(app: FastifyInstance, deps: Deps): void {
  profileRoutes(app, deps);
  credentialRoutes(app, deps);
  emailRoutes(app, deps);
}

function profileRoutes(app: FastifyInstance, deps: Deps): void {
  const { config, unit, db, cookies } = deps;
  const me = `${config.API_PREFIX}/me`;
  const tags = ['My account'];
  typed(app).get(
    me,
    {
      config: { access: 'session', withoutFactor: true },
      schema: { tags, summary: 'Who am I', response: schema.MeAnswers },
    },
    (request, reply) => {
      const text = userText(requireSession(request).user);
      reply.type('application/json; charset=utf-8').send(text as never);
    },
  );
  typed(app).patch(
    me,
    {
      config: { access: 'session' },
      schema: { tags, summary: 'Change my profile', body: schema.ProfileBody, response: schema.MeAnswers },
    },
    async (request) => userView(await changeProfile(unit, requireSession(request), request.body, request.from)),
  );
  typed(app).delete(
    me,
    {
      config: { access: 'session', fresh: true },
      schema: {
        tags,
        summary: 'Delete my account',
        description: 'For good. Takes recent authentication.',
        response: schema.NoContent,
      },
    },
    async (request, reply) => {
      await deleteAccount(deps, requireSession(request), request.from);
      return reply.header('set-cookie', clearCookie(cookies, cookies.session)).code(204).send(null);
    },
  );
  typed(app).post(
    `${me}/export`,
    {
      config: { access: 'session', fresh: true },
      schema: { tags, summary: 'Everything kept about me', response: schema.ExportAnswers },
    },
    async (request) => exportAccount(db, unit, requireSession(request), request.from),
  );
}

function credentialRoutes(app: FastifyInstance, deps: Deps): void {
  const { config, cookies } = deps;
  typed(app).post(
    `${config.API_PREFIX}/me/password`,
    {
      config: { access: 'session', limits: 'login' },
      schema: {
        tags: ['My account'],
        summary: 'Change my password',
        description: 'Takes the current one. The other sessions end.',
        body: schema.ChangePasswordBody,
        response: schema.NoContent,
      },
    },
    async (request, reply) => {
      const cookie = await changePassword(deps, requireSession(request), request.body, request.from);
      if (cookie !== null)
        reply.header('set-cookie', setCookie(cookies, cookies.session, cookie, config.SESSION_MAX_AGE));
      return reply.code(204).send(null);
    },
  );
}

function emailRoutes(app: FastifyInstance, deps: Deps): void {
  const { API_PREFIX } = deps.config;
  const tags = ['My account'];
  typed(app).post(
    `${API_PREFIX}/me/email`,
    {
      config: { access: 'session', fresh: 'factor' },
      schema: {
        tags,
        summary: 'Change my address',
        description:
          'Counts once the new address confirms; the old one is told and can undo it. The same answer for a taken address.',
        body: schema.ChangeEmailBody,
        response: schema.ChangeEmailAnswers,
      },
    },
    async (request, reply) => {
      await requestEmailChange(deps, requireSession(request), request.body.email, request.from);
      return reply.code(202).send({ status: 'verification_sent' });
    },
  );
  typed(app).post(
    `${API_PREFIX}/email/confirm`,
    {
      config: { access: 'public' },
      schema: { tags, summary: 'Confirm the new address', body: schema.TokenBody, response: schema.ConfirmAnswers },
    },
    async (request) => {
      await confirmEmail(deps, request.body.token, request.from);
      return { status: 'confirmed' as const };
    },
  );
  typed(app).post(
    `${API_PREFIX}/email/undo`,
    {
      config: { access: 'public' },
      schema: {
        tags,
        summary: 'Undo a change of address',
        description: 'With the link that went to the old address. Every session ends.',
        body: schema.TokenBody,
        response: schema.UndoAnswers,
      },
    },
    async (request) => {
      await undoEmail(deps, request.body.token, request.from);
      return { status: 'undone' as const };
    },
  );
}
