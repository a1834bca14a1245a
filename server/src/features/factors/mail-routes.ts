import type { FastifyInstance } from 'fastify';
import { requireSession } from '../../platform/http/guard.ts';
import { typed } from '../../platform/http/server.ts';
import { beginMailFactor, confirmMailFactor, removeMailFactor } from './mail-factor.ts';
import type { Deps } from './routes.ts';
import * as schema from './schema.ts';

const tags = ['My second factors'];

export function mailRoutes(app: FastifyInstance, deps: Deps): void {
  const path = `${deps.config.API_PREFIX}/me/mfa/email`;
  typed(app).post(
    path,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Enrol codes by mail',
        description:
          'Sends a first code. For accounts with a password and a verified address; MFA_EMAIL_CODE allows it.',
        response: schema.FlowAnswers,
      },
    },
    async (request, reply) => {
      const flow = await beginMailFactor(deps, requireSession(request), request.from);
      return reply.code(202).send({ status: 'sent', flow });
    },
  );
  typed(app).post(
    `${path}/confirm`,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Confirm codes by mail',
        description: 'From here on a sign-in with the password offers them. Recovery codes come with the first factor.',
        body: schema.FlowBody,
        response: schema.MaybeCodesAnswers,
      },
    },
    async (request) => {
      const codes = await confirmMailFactor(deps, requireSession(request), request.body, request.from);
      return { status: 'enrolled' as const, ...(codes === null ? {} : { recovery_codes: codes }) };
    },
  );
  typed(app).delete(
    path,
    {
      config: { access: 'session', limits: 'login', fresh: 'factor', withoutFactor: true },
      schema: {
        tags,
        summary: 'Remove codes by mail',
        description: 'Takes recent authentication with a second factor.',
        response: schema.NoContent,
      },
    },
    async (request, reply) => {
      await removeMailFactor(deps, requireSession(request), request.from);
      return reply.code(204).send(null);
    },
  );
}
