import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { type Answer, startServer, type TestServer } from '../../../test/kit.ts';

// Refreshes of sessions that are remembered go together in one statement; what it must not do is decided for each alone.

let server: TestServer;
before(async () => {
  server = await startServer();
});

const refresh = (refresh_token: string): Promise<Answer> => server.post('/auth/refresh', { refresh_token });

/** A session that this process remembers. */
async function remembered() {
  const user = await server.user();
  const { body } = await refresh(user.refreshToken);
  assert.equal((await server.get('/me', { bearer: body.access_token })).status, 200);
  return { ...user, token: body.refresh_token as string };
}

/** One after another: who signs up in a crowd is told that the server is busy. */
async function several(count: number) {
  const all: Awaited<ReturnType<typeof remembered>>[] = [];
  while (all.length < count) all.push(await remembered());
  return all;
}

function claims(accessToken: string): { roles: string[] } {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] as string, 'base64url').toString());
}

test('twelve sessions at once are renewed, each for itself', async () => {
  const all = await several(12);
  const answers = await Promise.all(all.map(({ token }) => refresh(token)));
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.user?.email]),
    all.map(({ email }) => [200, email]),
  );
  assert.equal(new Set(answers.map(({ body }) => body.refresh_token)).size, 12);
});

test('a token that comes twice among others is rotated once: both get the one successor, within the grace', async () => {
  const all = await several(5);
  const [twice] = all;
  const answers = await Promise.all([...all, twice].map((one) => refresh(one?.token as string)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200],
  );
  const next = answers[0]?.body.refresh_token;
  assert.equal(answers[5]?.body.refresh_token, next);
  assert.equal((await refresh(next)).status, 200);
});

test('roles that were changed behind the memory are those of the next access token', async () => {
  const user = await remembered();
  await server.db.execute("INSERT INTO auth.user_roles (user_id, role) VALUES ($1, 'admin')", [user.id]);
  const { body } = await refresh(user.token);
  assert.deepEqual(claims(body.access_token).roles, ['admin']);
});

test('an account that was disabled, and a session that was ended, behind the memory get nothing', async () => {
  const [disabled, ended] = [await remembered(), await remembered()];
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE id = $1", [disabled.id]);
  await server.db.execute("UPDATE auth.sessions SET ended_at = now(), end_reason = 'revoked' WHERE user_id = $1", [
    ended.id,
  ]);
  for (const { token } of [disabled, ended]) assert.equal((await refresh(token)).body.code, 'session_revoked');
});

test('a session that somebody holds keeps the others waiting for nothing', async (t) => {
  if (server.db.engine === 'embedded') return t.diagnostic('one connection: nobody can hold a row beside the others');
  const [held, free] = [await remembered(), await remembered()];
  let letGo: () => void = () => undefined;
  const released = new Promise<void>((done) => {
    letGo = done;
  });
  const holding = server.db.transaction(async (tx) => {
    await tx.query('SELECT 1 FROM auth.sessions WHERE user_id = $1 FOR UPDATE', [held.id]);
    await released;
  });
  await new Promise((done) => setTimeout(done, 50));
  const waiting = refresh(held.token);
  assert.equal((await refresh(free.token)).status, 200);
  letGo();
  await holding;
  assert.equal((await waiting).status, 200);
});
