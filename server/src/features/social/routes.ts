import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { deviceTokenOf, replySignIn } from '../../core/signin/index.ts';
import { Refusal } from '../../lib/refusal.ts';
import { isForm } from '../../platform/http/media-type.ts';
import { typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { type Brought, type ComeBackDeps, comeBack } from './come-back.ts';
import { exchange } from './exchange.ts';
import { identityRoutes } from './identity-routes.ts';
import * as schema from './schema.ts';
import { start } from './start.ts';

export type Deps = ComeBackDeps & Pick<House, 'config' | 'tokens' | 'sessions' | 'metrics' | 'clock'>;

const tags = ['Sign-in with providers'];

export function routes(app: FastifyInstance, deps: Deps): void {
  startRoutes(app, deps);
  exchangeRoute(app, deps);
  // Forms are read here and nowhere else.
  app.register(async (scope) => callbackRoutes(scope, deps));
  identityRoutes(app, deps);
}

function startRoutes(app: FastifyInstance, deps: Deps): void {
  const { config, providers } = deps;
  const base = `${config.API_PREFIX}/oauth`;
  typed(app).get(
    `${base}/providers`,
    {
      config: { access: 'public' },
      schema: {
        tags,
        summary: 'The providers to sign in with',
        description: 'For the buttons of a sign-in page.',
        response: schema.ProvidersAnswers,
      },
    },
    () => ({
      data: providers.list.map(({ settings: { id, name } }) => ({
        id,
        name,
        start_url: `${config.PUBLIC_URL}${base}/${id}/start`,
      })),
    }),
  );
  typed(app).get(
    `${base}/:provider/start`,
    {
      config: { access: 'public', limits: 'login' },
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'Sign in with a provider',
        description:
          'Send the browser here. It comes back to `return_to`: a page of this server with a cookie session, an application with `?code=` for `POST /oauth/exchange`. Failures come as `?error=` with the code of the error; `link_required` brings `link_token` for `POST /me/identities`. Without `return_to` the last answer is JSON like login.',
        params: schema.ProviderParams,
        querystring: schema.StartQuery,
        response: schema.Redirect,
      },
    },
    async (request, reply) => {
      const from = { origin: request.from, cookie: request.headers.cookie };
      const { url, cookies } = await start(deps, request.params.provider, request.query, from);
      return reply
        .header('set-cookie', cookies)
        .code(302)
        .header('location', url)
        .send(null as never);
    },
  );
}

function exchangeRoute(app: FastifyInstance, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/oauth/exchange`,
    {
      config: { access: 'public', limits: 'login' },
      schema: {
        tags,
        summary: 'Exchange the code of a provider sign-in',
        description: 'Like login, once, within a minute. 400 `token_invalid` is one answer for every reason.',
        body: schema.ExchangeBody,
        response: schema.ExchangeAnswers,
      },
    },
    async (request, reply) => {
      const body = { ...request.body, device_token: deviceTokenOf(request, deps.cookies) };
      return replySignIn(deps, reply, () => exchange(deps, body, request.headers.cookie, request.from));
    },
  );
}

function callbackRoutes(app: FastifyInstance, deps: Deps): void {
  readForms(app);
  const path = `${new URL(deps.config.OAUTH_REDIRECT_URL).pathname.replace(/\/$/, '')}/:provider`;
  const description = 'Not for applications: the provider sends the browser here.';
  const described = { tags, params: schema.ProviderParams, response: schema.ComeBackAnswers, description };
  typed(app).get(
    path,
    {
      config: { access: 'public', limits: 'login' },
      exposeHeadRoute: false,
      schema: { ...described, summary: 'Come back from a provider', querystring: schema.Brought },
    },
    (request, reply) => answer(deps, request, reply, request.params.provider, request.query as Brought) as never,
  );
  // The one door for forms of other sites is there only where a provider needs it.
  if (!deps.providers.list.some(({ settings }) => settings.responseMode === 'form_post')) return;
  typed(app).post(
    path,
    {
      config: { access: 'public', limits: 'login', origin: 'any' },
      schema: { ...described, summary: 'Come back from a provider that posts a form', body: schema.Brought },
    },
    (request, reply) => answer(deps, request, reply, request.params.provider, request.body as Brought) as never,
  );
}

/** Into our callback, whichever way the provider has sent the browser. */
async function answer(
  deps: Deps,
  request: FastifyRequest,
  reply: FastifyReply,
  provider: string,
  brought: Brought,
): Promise<FastifyReply> {
  const { cookie } = request.headers;
  const { location, body, cookies, outcome } = await comeBack(deps, provider, brought, cookie, request.from).catch(
    (error: unknown) => {
      deps.metrics.login('failure');
      throw error;
    },
  );
  deps.metrics.login(outcome);
  reply.header('set-cookie', cookies);
  return location === undefined ? reply.send(body) : reply.code(302).header('location', location).send(null);
}

function readForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: 32 * 1024 }, (request, body, done) => {
    try {
      if (!isForm(request.raw.headersDistinct['content-type'])) throw new Refusal('unsupported_media_type');
      done(null, readForm(body as string));
    } catch (error) {
      done(error as Error);
    }
  });
}

/** A name that comes twice has two readings: refused. */
function readForm(text: string): Record<string, string> {
  const form = new URLSearchParams(text);
  const names = [...form.keys()];
  if (new Set(names).size !== names.length || names.includes('__proto__')) {
    throw new Refusal('malformed_request', { detail: 'The form has the same field twice.' });
  }
  return Object.fromEntries(form);
}
