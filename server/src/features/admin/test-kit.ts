import { randomBytes } from 'node:crypto';
import { type Answer, expect, signedIn, type TestServer, type TestUser } from '../../../test/kit.ts';
import { EVERYONE } from '../../core/changes/index.ts';

/** Gives the user one role of exactly these permissions; it counts at once. */
export async function asRole(server: TestServer, user: TestUser, permissions: readonly string[]): Promise<TestUser> {
  const name = `r-${randomBytes(4).toString('hex')}`;
  await server.app.house.unit.change(async (tx, record) => {
    await tx.execute('INSERT INTO auth.roles (name, permissions) VALUES ($1, $2)', [name, [...permissions]]);
    await tx.execute('DELETE FROM auth.user_roles WHERE user_id = $1', [user.id]);
    await tx.execute('INSERT INTO auth.user_roles (user_id, role) VALUES ($1, $2)', [user.id, name]);
    await record({ changed: [user.id, EVERYONE] });
  });
  return user;
}

export async function signIn(server: TestServer, { email, password }: TestUser): Promise<TestUser> {
  return signedIn(expect(await server.post('/auth/login', { email, password }), 200), email, password);
}

export function etag(answer: Answer): string {
  const tag = answer.headers.get('etag');
  if (tag === null) throw new Error(`no ETag: ${answer.status} ${answer.text}`);
  return tag;
}

/** The caller of one person's requests under /admin, with `If-Match` where it is given. */
export function as(server: TestServer, { accessToken }: { accessToken: string }) {
  return (method: string, path: string, body?: unknown, ifMatch?: string): Promise<Answer> =>
    server.call(method, `${server.config.API_PREFIX}/admin${path}`, {
      bearer: accessToken,
      ...(body === undefined ? {} : { body }),
      ...(ifMatch === undefined ? {} : { headers: { 'if-match': ifMatch } }),
    });
}
