// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { issueSetupLink } from '../../../src/core/setup/index.ts';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { count } from './tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

type Make = () => Promise<string>;

async function registered(): Promise<string> {
  const email = someEmail();
  await server.post('/auth/register', { email, password: PASSWORD });
  return email;
}

async function changing(): Promise<{ from: string; to: string }> {
  const { email, accessToken } = await server.user();
  const to = someEmail('to');
  await server.post('/me/email', { email: to }, { bearer: accessToken });
  return { from: email, to };
}

const values: Record<string, Make> = {
  'verify-email': async () => server.linkToken(await registered(), '/verify-email'),
  'choose-password': async () => {
    const email = await registered();
    await server.post('/auth/register', { email, password: PASSWORD });
    return server.linkToken(email, '/reset-password');
  },
  'reset-password': async () => {
    const { email } = await server.user();
    await server.post('/auth/password/forgot', { email });
    return server.linkToken(email, '/reset-password');
  },
  'confirm-email': async () => server.linkToken((await changing()).to, '/confirm-email'),
  'undo-email': async () => server.linkToken((await changing()).from, '/undo-email'),
  setup: async () => {
    const link = await server.db.transaction((tx) => issueSetupLink(tx, 'http://localhost:3000', server.clock.now()));
    return (link as string).split('#token=')[1] as string;
  },
  refresh: async () => (await server.user()).refreshToken,
  access: async () => (await server.user()).accessToken,
  device: async () => (await server.user()).deviceToken,
  csrf: async () => (await server.user({ session: 'cookie' })).csrf,
  cookie: async () => (await server.user({ session: 'cookie' })).cookie.split('=')[1] as string,
};

const NEW = 'A-fresh-start-0815';
const endpoints: Record<string, { takes: string[]; call(token: string): Promise<number> }> = {
  'verify-email': {
    takes: ['verify-email'],
    call: async (token) => (await server.post('/auth/verify-email', { token })).status,
  },
  'password/reset': {
    takes: ['reset-password', 'choose-password'],
    call: async (token) => (await server.post('/auth/password/reset', { token, password: NEW })).status,
  },
  'email/confirm': {
    takes: ['confirm-email'],
    call: async (token) => (await server.post('/email/confirm', { token })).status,
  },
  'email/undo': { takes: ['undo-email'], call: async (token) => (await server.post('/email/undo', { token })).status },
  refresh: {
    takes: ['refresh'],
    call: async (token) => (await server.post('/auth/refresh', { refresh_token: token })).status,
  },
  bearer: { takes: ['access'], call: async (bearer) => (await server.get('/me', { bearer })).status },
  cookie: {
    takes: ['cookie'],
    call: async (value) => (await server.get('/me', { cookie: `session=${value}` })).status,
  },
  setup: {
    takes: ['setup'],
    call: async (token) =>
      (await server.post('/setup', { token, email: someEmail('admin'), password: PASSWORD })).status,
  },
};

/** The value with the prefix of another purpose: a prefix is a label, it decides nothing. */
function relabelled(value: string): string[] {
  return ['ve_', 'rp_', 'cp_', 'ce_', 'ue_', 'su_']
    .map((prefix) => prefix + value.slice(3))
    .filter((one) => one !== value);
}

for (const [name, make] of Object.entries(values)) {
  test(`XPURP a value for ${name} is nothing at any other endpoint, whatever its prefix, and still good at its own`, async () => {
    const value = await make();
    const foreign = Object.entries(endpoints).filter(([, endpoint]) => !endpoint.takes.includes(name));
    for (const [where, endpoint] of foreign) {
      const status = await endpoint.call(value);
      assert.ok(status === 400 || status === 401, `${name} at ${where}: ${status}`);
    }
    if (/^[a-z]{2}_/.test(value)) {
      for (const [where, endpoint] of Object.entries(endpoints)) {
        for (const other of relabelled(value)) {
          const status = await endpoint.call(other);
          assert.ok(status === 400 || status === 401, `${other.slice(0, 3)} of ${name} at ${where}: ${status}`);
        }
      }
    }
    const own = Object.values(endpoints).find((endpoint) => endpoint.takes.includes(name));
    if (own !== undefined && name !== 'setup')
      assert.ok([200, 204].includes(await own.call(value)), `${name} at its own`);
  });
}

test('ADM-13 the set-up link works for one of two who race, and then nothing opens the set-up again', async () => {
  const link = (await values.setup?.()) as string;
  const links = [link, link];
  const emails = [0, 1, 2, 3].map(() => someEmail('admin'));
  const statuses = await Promise.all(
    emails.map(
      async (email, n) => (await server.post('/setup', { token: links[n % 2], email, password: PASSWORD })).status,
    ),
  );
  assert.deepEqual(statuses.sort(), [200, 403, 403, 403]);
  assert.equal(await count(server, "auth.user_roles WHERE role = 'admin'"), 1);
  assert.equal(await count(server, 'auth.users WHERE email = ANY($1::text[])', emails), 1);
  assert.equal(
    await server.db.transaction((tx) => issueSetupLink(tx, 'http://localhost:3000', server.clock.now())),
    null,
  );
  for (const token of [...links, 'su_anything']) {
    const answer = await server.post('/setup', { token, email: someEmail('admin'), password: PASSWORD });
    assert.deepEqual([answer.status, answer.body.code], [403, 'setup_closed']);
  }
});
