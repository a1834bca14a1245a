import { type CreateUserDeps, createUser } from '../../core/administration/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator, etagOf } from './request.ts';
import { CreatedAnswers, CreateUserBody, tags } from './schema.ts';
import { type AdminUserView, adminUserView } from './views.ts';

type Deps = CreateUserDeps & Pick<House, 'config' | 'idempotency'>;

export function createUserRoute(app: HttpApp, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/admin/users`,
    {
      config: { access: { permission: 'users:write' } },
      schema: {
        tags: tags.users,
        summary: 'Create an account',
        description:
          'Its owner gets a link to choose a password; nobody else ever sets one. Giving roles takes `roles:write` and the permissions of the roles. Takes `Idempotency-Key`.',
        body: CreateUserBody,
        response: CreatedAnswers,
      },
    },
    async (request, reply) => {
      const by = administrator(request);
      const answer = await deps.idempotency.run(
        {
          key: request.headers['idempotency-key'],
          route: 'admin-users',
          caller: by.principal.user.id,
          body: request.body,
        },
        async () => ({ status: 201, body: adminUserView(await createUser(deps, by, request.body)) }),
      );
      const user = answer.body as AdminUserView;
      return reply
        .code(201)
        .header('etag', etagOf(user.version))
        .header('location', `${deps.config.API_PREFIX}/admin/users/${user.id}`)
        .send(user);
    },
  );
}
