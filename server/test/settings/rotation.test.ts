// engines: postgres
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { PASSWORD, startServer, type TestServer, type TestUser } from '../kit.ts';
import { databaseUrlOf, openServer } from './tools.ts';

const secret = (): string => randomBytes(48).toString('base64url');
const NAMES = ['JWT_REFRESH_SECRET', 'SESSION_SECRET', 'CSRF_SECRET', 'ENCRYPTION_KEY'] as const;
type Secrets = Record<(typeof NAMES)[number], string>;
const make = (): Secrets => ({
  JWT_REFRESH_SECRET: secret(),
  SESSION_SECRET: secret(),
  CSRF_SECRET: secret(),
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
});
const old = make();
const young = make();

/** The process before the change, the one with `new,old`, and one that has forgotten the old. */
let former: TestServer;
let rotated: TestServer;
let person: TestUser;
let visitor: TestUser;

before(async () => {
  former = await startServer({ env: old });
  const both = Object.fromEntries(NAMES.map((name) => [name, `${young[name]},${old[name]}`]));
  person = await former.user();
  visitor = await former.user({ session: 'cookie' });
  rotated = await startServer({ on: former, env: both });
});

const forgetting = (name: (typeof NAMES)[number]) => startServer({ on: former, env: { ...old, [name]: young[name] } });

test('JWT_REFRESH_SECRET=new,old still takes tokens of the old one and writes with the new one', async () => {
  const gone = await forgetting('JWT_REFRESH_SECRET');
  assert.equal(
    (await gone.post('/auth/refresh', { refresh_token: person.refreshToken })).body.code,
    'refresh_token_invalid',
  );
  await gone.close();
  const next = await rotated.post('/auth/refresh', { refresh_token: person.refreshToken });
  assert.equal(next.status, 200);
  assert.equal(
    (await former.post('/auth/refresh', { refresh_token: next.body.refresh_token })).body.code,
    'refresh_token_invalid',
  );
  assert.equal((await rotated.post('/auth/refresh', { refresh_token: next.body.refresh_token })).status, 200);
});

test('SESSION_SECRET=new,old still takes cookies of the old one; a server without it does not', async () => {
  const gone = await forgetting('SESSION_SECRET');
  assert.equal((await gone.get('/me', { cookie: visitor.cookie })).status, 401);
  await gone.close();
  assert.equal((await rotated.get('/me', { cookie: visitor.cookie })).status, 200);
});

test('CSRF_SECRET=new,old still takes tokens of the old one; a server without it does not', async () => {
  const patch = (on: TestServer, csrf: string) =>
    on.call('PATCH', '/api/v1/me', {
      body: { name: 'Ada' },
      cookie: visitor.cookie,
      headers: { 'x-csrf-token': csrf },
    });
  const gone = await forgetting('CSRF_SECRET');
  assert.equal((await patch(gone, visitor.csrf)).body.code, 'csrf_invalid');
  await gone.close();
  const answer = await patch(rotated, visitor.csrf);
  assert.equal(answer.status, 200, answer.text);
});

test('ENCRYPTION_KEY=new,old opens what the old one sealed; a server without it cannot sign', async () => {
  assert.equal((await rotated.get('/me', { bearer: person.accessToken })).status, 200);
  const answer = await rotated.post('/auth/login', { email: person.email, password: PASSWORD });
  assert.equal(answer.status, 200);
  assert.equal((await former.get('/me', { bearer: answer.body.access_token })).status, 200, 'the same signing key');
  const forgetful = { ...old, ENCRYPTION_KEY: young.ENCRYPTION_KEY, DATABASE_URL: databaseUrlOf(former) };
  await assert.rejects(openServer(forgetful));
});
