import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type CallOptions, someEmail, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import type { CollectedRoute } from '../../platform/http/server.ts';
import { asRole } from './test-kit.ts';

const ID = '00000000-0000-7000-8000-000000000000';
/** Reviewed by hand: everything else answers 401 without a credential (I-016). */
const PUBLIC = [
  'POST /auth/register',
  'POST /auth/verify-email',
  'POST /auth/verify-email/resend',
  'POST /auth/login',
  'POST /auth/magic-link',
  'POST /auth/magic-link/verify',
  'POST /auth/magic-link/code',
  'POST /auth/otp',
  'POST /auth/otp/verify',
  'POST /auth/passkeys/options',
  'POST /auth/passkeys/verify',
  'POST /auth/passkeys/sign-up/options',
  'POST /auth/passkeys/sign-up',
  'POST /auth/mfa',
  'POST /auth/mfa/passkey-options',
  'POST /auth/mfa/email',
  'POST /auth/mfa/enroll/totp',
  'POST /auth/mfa/enroll/totp/confirm',
  'POST /auth/factor-reset/veto',
  'POST /auth/refresh',
  'POST /auth/logout',
  'POST /auth/password/forgot',
  'POST /auth/password/reset',
  'POST /email/confirm',
  'POST /email/undo',
  'GET /oauth/providers',
  'GET /oauth/:provider/start',
  'POST /oauth/exchange',
  'POST /setup',
  'GET ', // the prefix itself, which leads to the documentation
  'GET /openapi.json',
];

let server: TestServer;
let routes: CollectedRoute[];
let admin: TestUser;
let plain: TestUser;
let other: TestUser;

before(async () => {
  server = await startServer();
  routes = server.app.house.routes.filter((route) => route.method !== 'HEAD' && route.method !== 'OPTIONS');
  admin = await server.admin();
  plain = await server.user({ email: someEmail('plain') });
  other = await server.user({ email: someEmail('other') });
});

/** Nothing of it exists and nothing is sent: what gets past the guard fails as 4xx, without a trace. */
async function probe(
  { method, url }: CollectedRoute,
  options: CallOptions = {},
): Promise<{ status: number; code: string }> {
  const path = url
    .replace(/:(s?id)/g, ID)
    .replace(/:(name|kid)/g, 'no-such-thing')
    .replace('*', 'nothing');
  const isRead = method === 'GET';
  const { status, body } = await server.call(method, path, {
    ...(isRead ? {} : { body: { no_such_field: 1 } }),
    ...options,
  });
  return { status, code: body?.code };
}

const label = (route: CollectedRoute): string => `${route.method} ${route.url}`;

describe('the table of routes decides', () => {
  test('I-016 without a credential every route that is not on the reviewed list is 401', async () => {
    const prefix = server.config.API_PREFIX;
    const listed = new Set(PUBLIC.map((line) => line.replace(' ', ` ${prefix}`)));
    for (const route of routes) {
      if (!route.url.startsWith(prefix)) continue;
      if (listed.has(label(route))) continue;
      const { status, code } = await probe(route);
      assert.deepEqual([status, code], [401, 'unauthenticated'], label(route));
    }
  });

  test('the list of public routes names only routes that exist and are public', () => {
    const prefix = server.config.API_PREFIX;
    const found = routes.filter((route) => route.rules.access === 'public' && route.url.startsWith(prefix)).map(label);
    assert.deepEqual(found.sort(), PUBLIC.map((line) => line.replace(' ', ` ${prefix}`)).sort());
  });

  test('every route under /admin names a permission, and every permission is known', async () => {
    const { body } = await server.get('/admin/permissions', { bearer: admin.accessToken });
    const known = new Set(body.data.map((one: { name: string }) => one.name));
    for (const route of routes.filter(({ url }) => url.includes('/admin/'))) {
      const { access } = route.rules;
      assert.ok(typeof access === 'object' && known.has(access.permission), label(route));
    }
  });

  test('a signed-in user without a role gets 403 wherever a permission is asked for', async () => {
    for (const route of routes.filter(({ rules }) => typeof rules.access === 'object')) {
      const { status, code } = await probe(route, { bearer: plain.accessToken });
      assert.deepEqual([status, code], [403, 'forbidden'], label(route));
    }
  });

  test('a role gets through where its permission is asked for, and nowhere else', async () => {
    const permissions = new Set(
      routes.flatMap(({ rules }) => (typeof rules.access === 'object' ? [rules.access.permission] : [])),
    );
    for (const permission of permissions) {
      const holder = await asRole(server, other, [permission]);
      for (const route of routes.filter(({ rules }) => typeof rules.access === 'object')) {
        const { status, code } = await probe(route, { bearer: holder.accessToken });
        const isAllowed = (route.rules.access as { permission: string }).permission === permission;
        assert.equal(code === 'forbidden', !isAllowed, `${permission} at ${label(route)}: ${status} ${code}`);
        assert.ok(status < 500, label(route));
      }
    }
  });

  test('an administrator gets through everywhere', async () => {
    for (const route of routes.filter(({ rules }) => typeof rules.access === 'object')) {
      const { status, code } = await probe(route, { bearer: admin.accessToken });
      assert.ok(status < 500 && status !== 401 && status !== 403, `${label(route)}: ${status} ${code}`);
    }
  });

  test('what is marked as sensitive takes recent authentication', async () => {
    const fresh = routes.filter(({ rules, url }) => rules.fresh && url.includes('/admin/')).map(label);
    for (const sensitive of ['/impersonate', '/roles', '/keys', '/exports', '/imports']) {
      assert.ok(
        fresh.some((one) => one.includes(sensitive)),
        sensitive,
      );
    }
    server.clock.advance(server.config.REAUTH_WITHIN + 1);
    for (const route of routes.filter(({ rules }) => rules.fresh)) {
      const { status, code } = await probe(route, { bearer: admin.accessToken });
      assert.deepEqual([status, code], [403, 'reauthentication_required'], label(route));
    }
  });
});
