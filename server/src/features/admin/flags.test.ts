import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, test } from 'node:test';
import { count, linesOf } from '../../../test/attacks/accounts/tools.ts';
import { expect, PASSWORD, someEmail, startServer, type TestServer, type TestUser } from '../../../test/kit.ts';
import { as, asRole, etag, signIn } from './test-kit.ts';

let server: TestServer;
let admin: TestUser;
let ada: TestUser;
let call: ReturnType<typeof as>;
before(async () => {
  server = await startServer();
  admin = await server.admin();
  ada = await server.user();
  call = as(server, admin);
});

async function put(flags: unknown[], more: { tag?: string; by?: ReturnType<typeof as> } = {}) {
  const tag = more.tag ?? etag(await call('GET', '/flags'));
  return (more.by ?? call)('PUT', '/flags', { flags }, tag);
}
const mine = async (user: TestUser) =>
  expect(await server.get('/me/flags', { bearer: user.accessToken }), 200).body.flags;
const register = (email = someEmail()) => server.post('/auth/register', { email, password: PASSWORD });

beforeEach(async () => {
  admin = await signIn(server, admin);
  call = as(server, admin);
  expect(await put([]), 200);
});

test('the server’s own flags are listed with what they are for, set or not', async () => {
  const { status, body } = await call('GET', '/flags');
  assert.equal(status, 200);
  assert.deepEqual(
    body.data.map(({ description, ...flag }: { description: string }) => flag),
    ['account-deletion', 'email-change', 'registration'].map((key) => ({
      key,
      type: 'boolean',
      declared: true,
      enabled: true,
      default: true,
      rules: [],
      updated_at: null,
    })),
  );
  for (const { description } of body.data) assert.ok(description.length > 20);
});

test('a set of flags is stored, answered, evaluated and audited with what was before and after', async () => {
  const lines = async () => (await server.audit('flags.updated')).map(({ detail }) => detail);
  const earlier = (await lines()).length;
  const beta = await asRole(server, await server.user(), []);
  const [{ role }] = (await server.db.query<{ role: string }>('SELECT role FROM auth.user_roles WHERE user_id = $1', [
    beta.id,
  ])) as [{ role: string }];
  const rules = [
    { users: [ada.id], value: 'dark' },
    { roles: [role], share: 100, value: 'high-contrast' },
  ];
  const answer = await put([
    { key: 'registration', default: false },
    { key: 'shop.theme', description: 'Colours', default: 'light', rules },
  ]);
  assert.equal(answer.status, 200);
  const [, , registration, theme] = answer.body.data;
  assert.deepEqual([registration.key, registration.default], ['registration', false]);
  const { updated_at, ...rest } = theme;
  assert.deepEqual(rest, {
    key: 'shop.theme',
    type: 'string',
    declared: false,
    description: 'Colours',
    enabled: true,
    default: 'light',
    rules,
  });
  assert.ok(Math.abs(Date.parse(updated_at) - server.clock.now()) < 5_000);
  const again = await call('GET', '/flags');
  assert.deepEqual([again.body, etag(again)], [answer.body, etag(answer)]);

  assert.deepEqual(await mine(ada), {
    'account-deletion': true,
    'email-change': true,
    registration: false,
    'shop.theme': 'dark',
  });
  assert.equal((await mine(beta))['shop.theme'], 'high-contrast');
  assert.equal((await mine(admin))['shop.theme'], 'light');

  await put([{ key: 'shop.theme', default: 'light', enabled: false, rules }]);
  assert.equal((await mine(ada))['shop.theme'], 'light', 'paused');
  const stored = { description: 'Colours', enabled: true, default: 'light', rules };
  assert.deepEqual((await lines()).slice(earlier), [
    { flag: 'registration', from: null, to: { description: '', enabled: true, default: false, rules: [] } },
    { flag: 'shop.theme', from: null, to: stored },
    { flag: 'registration', from: { description: '', enabled: true, default: false, rules: [] }, to: null },
    { flag: 'shop.theme', from: stored, to: { ...stored, description: '', enabled: false } },
  ]);
});

test('the same once more changes nothing, leaves no line and keeps the ETag', async () => {
  const flags = [{ key: 'own', default: true, rules: [{ share: 12.5, value: false }] }];
  const first = await put(flags);
  const lines = (await server.audit('flags.updated')).length;
  const second = await put(flags);
  assert.deepEqual([second.body, etag(second)], [first.body, etag(first)]);
  assert.equal((await server.audit('flags.updated')).length, lines);
});

test('a change needs the version that it is based on, and of two at once one is refused', async () => {
  const tag = etag(await call('GET', '/flags'));
  const flags = [{ key: 'own', default: true }];
  assert.equal((await call('PUT', '/flags', { flags })).body.code, 'version_required');
  const both = await Promise.all([put(flags, { tag }), put([{ key: 'other', default: true }], { tag })]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 412]);
  assert.equal((await put(flags, { tag })).body.code, 'version_stale');
  assert.equal(await count(server, 'auth.flags'), 1);
});

test('what cannot be is refused, fault by fault, and nothing of it is stored', async () => {
  const field = async (...flags: unknown[]) => {
    const { status, body } = await put(flags);
    assert.deepEqual([status, body.code], [400, 'validation_failed'], JSON.stringify(body));
    return body.errors.map((error: { field: string; code: string }) => error.field);
  };
  const ok = { key: 'good', default: true };
  const form = await field(ok, {
    key: 'Bad',
    default: 1,
    enabled: 'no',
    more: 1,
    rules: [{ share: 101, value: 7, why: '', users: ['x'] }],
  });
  assert.deepEqual(
    [...new Set(form)].sort(),
    ['default', 'enabled', 'key', 'more', 'rules.0.share', 'rules.0.users.0', 'rules.0.value', 'rules.0.why'].map(
      (name) => `flags.1.${name}`,
    ),
  );
  assert.deepEqual(
    await field(
      ok,
      ok,
      { key: 'registration', default: 'no' },
      { key: 'own', default: true, rules: [{ value: true }, { roles: ['no-such-role'], value: 'text' }] },
    ),
    ['flags.1.key', 'flags.2.default', 'flags.3.rules.0', 'flags.3.rules.1.value', 'flags.3.rules.1.roles'],
  );
  const many = Array.from({ length: 101 }, (_, n) => ({ key: `f${n}`, default: true }));
  assert.deepEqual(await field(...many), ['flags']);
  assert.equal(await count(server, 'auth.flags'), 0);
});

test('a great many users fit into one body, and into the lines about them', async () => {
  const users = Array.from({ length: 100 }, () => randomUUID());
  const flags = Array.from({ length: 25 }, (_, n) => ({
    key: `f${n}`,
    default: false,
    rules: [{ users, value: true }],
  }));
  expect(await put(flags), 200);
  const line = (await server.audit('flags.updated')).at(-1);
  assert.deepEqual((line?.detail?.to as { rules: unknown } | undefined)?.rules, [{ users, value: true }]);
});

test('a role that was deleted since is in nobody’s way', async () => {
  expect(await call('POST', '/roles', { name: 'beta', permissions: [] }), 201);
  const flags = [{ key: 'own', default: false, rules: [{ roles: ['beta'], value: true }] }];
  expect(await put(flags), 200);
  expect(await call('DELETE', '/roles/beta', undefined, etag(await call('GET', '/roles/beta'))), 204);
  expect(await put([...flags, { key: 'other', default: true }]), 200);
  assert.equal((await put([{ ...flags[0], key: 'third' }])).body.errors[0].code, 'unknown_role');
});

test('who may not is refused, and reading is not writing; setting takes recent authentication', async () => {
  assert.equal((await as(server, ada)('GET', '/flags')).body.code, 'forbidden');
  assert.equal((await put([], { by: as(server, ada) })).body.code, 'forbidden');
  const reader = as(server, await asRole(server, await server.user(), ['flags:read']));
  assert.equal((await reader('GET', '/flags')).status, 200);
  assert.equal((await put([], { by: reader })).body.code, 'forbidden');
  const writer = as(server, await asRole(server, await server.user(), ['flags:write']));
  assert.equal((await put([{ key: 'own', default: true }], { by: writer })).status, 200);
  const tag = etag(await call('GET', '/flags'));
  server.clock.advance(server.config.REAUTH_WITHIN + 1);
  assert.equal((await put([], { tag })).body.code, 'reauthentication_required');
});

test('a closed registration says the same of every address, before it looks; nobody else is kept from making accounts', async () => {
  const [taken, free] = [ada.email, someEmail()];
  expect(await put([{ key: 'registration', default: false }]), 200);
  const answers = [await register(taken), await register(free)].map(({ status, body: { request_id, ...body } }) => ({
    status,
    body,
  }));
  assert.deepEqual(answers[0], answers[1]);
  assert.deepEqual([answers[0]?.status, answers[0]?.body.code], [403, 'registration_closed']);
  assert.equal(await count(server, 'auth.users WHERE email = $1', free), 0);
  assert.ok(!(await linesOf(server, ada.id)).includes('user.register_duplicate denied'));
  assert.equal((await server.mails(free)).length, 0);

  expect(await call('POST', '/users', { email: someEmail() }), 201);
  const lines = JSON.stringify({ email: someEmail() });
  const options = { raw: lines, type: 'application/x-ndjson', bearer: admin.accessToken };
  const imported = await server.call('POST', `${server.config.API_PREFIX}/admin/imports`, options);
  assert.deepEqual([imported.status, imported.body.imported], [200, 1]);
  await signIn(server, ada);
  expect(await put([]), 200);
  assert.equal((await register(free)).status, 202);
});

test('a registration that is open for a share is open for the same addresses each time', async () => {
  expect(await put([{ key: 'registration', default: false, rules: [{ share: 50, value: true }] }]), 200);
  const emails = Array.from({ length: 24 }, () => someEmail());
  const round = async () => {
    const answers = [];
    for (const email of emails) answers.push((await register(email.toUpperCase())).status);
    return answers;
  };
  const first = await round();
  assert.deepEqual([...new Set(first)].sort(), [202, 403]);
  assert.deepEqual(await round(), first);
});

test('with address changes off none is asked for and none confirmed, the link is kept, and an undo works', async () => {
  const eve = await server.user();
  const ask = (email: string) => server.post('/me/email', { email }, { bearer: eve.accessToken });
  const next = someEmail();
  expect(await ask(next), 202);
  const token = await server.linkToken(next, '/confirm-email');
  expect(await put([{ key: 'email-change', rules: [{ users: [eve.id], value: false }] }]), 200);
  assert.equal((await ask(someEmail())).body.code, 'feature_disabled');
  const refused = await server.post('/email/confirm', { token });
  assert.deepEqual([refused.status, refused.body.code], [403, 'feature_disabled']);
  assert.equal((await server.post('/email/confirm', { token: 'forged' })).body.code, 'token_invalid');
  expect(await put([]), 200);
  expect(await server.post('/email/confirm', { token }), 200);
  const undo = await server.linkToken(eve.email, '/undo-email');
  expect(await put([{ key: 'email-change', default: false }]), 200);
  expect(await server.post('/email/undo', { token: undo }), 200);
});

test('with account deletion off people keep their accounts, and an administrator deletes them still', async () => {
  const eve = await server.user();
  const remove = () => server.call('DELETE', `${server.config.API_PREFIX}/me`, { bearer: eve.accessToken });
  expect(await put([{ key: 'account-deletion', default: false }]), 200);
  const refused = await remove();
  assert.deepEqual([refused.status, refused.body.code], [403, 'feature_disabled']);
  const tag = etag(await call('GET', `/users/${eve.id}`));
  expect(await call('DELETE', `/users/${eve.id}`, undefined, tag), 204);
});

test('with everything off an administrator signs in and switches it on again', async () => {
  const keys: string[] = (await call('GET', '/flags')).body.data.map(({ key }: { key: string }) => key);
  expect(await put(keys.map((key) => ({ key, default: false }))), 200);
  const back = await signIn(server, admin);
  expect(await put([], { by: as(server, back) }), 200);
  assert.deepEqual([...new Set(Object.values(await mine(back)))], [true]);
});

test('answers are counted by flag and variant', async () => {
  await put([{ key: 'counted', default: true }]);
  await mine(ada);
  assert.match(await server.app.metrics.text(), /^flag_evaluations_total\{flag="counted",variant="on"\} 1$/m);
});
