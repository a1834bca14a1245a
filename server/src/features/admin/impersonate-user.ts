import { type ImpersonateDeps, impersonate } from '../../core/administration/index.ts';
import { findUser, type UserRow } from '../../core/users/index.ts';
import { type HttpApp, typed } from '../../platform/http/server.ts';
import type { House } from '../feature.ts';
import { administrator } from './request.ts';
import { IdParams, ImpersonateAnswers, ImpersonateBody, tags } from './schema.ts';
import { adminUserView } from './views.ts';

type Deps = ImpersonateDeps & Pick<House, 'config' | 'tokens' | 'db'>;

export function impersonateUserRoute(app: HttpApp, deps: Deps): void {
  typed(app).post(
    `${deps.config.API_PREFIX}/admin/users/:id/impersonate`,
    {
      config: { access: { permission: 'users:impersonate' }, fresh: true },
      schema: {
        tags: tags.users,
        summary: 'Act as another user',
        description:
          'For an hour, for a reason that is kept. The session reads; it changes nothing that its user would have to answer for. Not as oneself, a disabled user, or one who holds more.',
        params: IdParams,
        body: ImpersonateBody,
        response: ImpersonateAnswers,
      },
    },
    async (request) => {
      const { id } = request.params;
      const { principal, refreshToken } = await impersonate(deps, administrator(request), id, request.body.reason);
      const { token, expiresIn } = deps.tokens.issue(principal);
      return {
        access_token: token,
        token_type: 'Bearer' as const,
        expires_in: expiresIn,
        refresh_token: refreshToken,
        session_id: principal.sessionId,
        session_expires_at: new Date(principal.expiresAt).toISOString(),
        user: adminUserView((await findUser(deps.db, id)) as UserRow),
      };
    },
  );
}
