import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { type Answer, PASSWORD, startServer, type TestServer } from '../../../test/kit.ts';
import { createSessions } from './index.ts';
import { readRefreshToken, writeRefreshToken } from './refresh-token.ts';

let server: TestServer;

before(async () => {
  server = await startServer({ env: { REFRESH_GRACE_SECONDS: '10' } });
});

const refresh = (refresh_token: string): Promise<Answer> => server.post('/auth/refresh', { refresh_token });
const read = (token: string) => readRefreshToken(token, server.config.JWT_REFRESH_SECRET);

async function rotated(token: string): Promise<string> {
  const answer = await refresh(token);
  assert.equal(answer.status, 200, answer.text);
  return answer.body.refresh_token;
}

async function refused(token: string, code: string): Promise<void> {
  const answer = await refresh(token);
  assert.deepEqual([answer.status, answer.body.code], [401, code]);
}

test('each use gives a new token of the next generation, and an access token for the same session', async () => {
  const user = await server.user();
  const answer = await refresh(user.refreshToken);
  const next = answer.body.refresh_token;
  assert.notEqual(next, user.refreshToken);
  assert.equal(read(next)?.generation, (read(user.refreshToken)?.generation ?? -1) + 1);
  assert.equal((await server.get('/me', { bearer: answer.body.access_token })).body.email, user.email);
  assert.equal((await server.get('/me', { bearer: user.accessToken })).status, 200, 'the older one lives on');
  assert.notEqual(await rotated(next), next);
});

test('the direct predecessor gets the same successor again within the grace', async () => {
  const user = await server.user();
  const next = await rotated(user.refreshToken);
  server.clock.advance(9);
  assert.equal(await rotated(user.refreshToken), next);
  assert.equal(await rotated(user.refreshToken), next);
});

test('the grace runs from the first rotation and is not extended by asking again', async () => {
  const user = await server.user();
  const next = await rotated(user.refreshToken);
  for (const seconds of [4, 4]) {
    server.clock.advance(seconds);
    assert.equal(await rotated(user.refreshToken), next);
  }
  server.clock.advance(4);
  await refused(user.refreshToken, 'refresh_token_reused');
  await refused(next, 'session_revoked');
});

test('the grace ends when the successor is used, however early', async () => {
  const user = await server.user();
  const next = await rotated(user.refreshToken);
  const third = await rotated(next);
  await refused(user.refreshToken, 'refresh_token_reused');
  await refused(third, 'session_revoked');
});

test('the return of an old token ends the session, and is told once: one line, one mail, however often it comes', async () => {
  const user = await server.user();
  const next = await rotated(user.refreshToken);
  server.clock.advance(11);
  const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(user.refreshToken)));
  assert.ok(answers.every(({ status }) => status === 401));
  await refused(user.refreshToken, 'session_revoked');
  await refused(next, 'session_revoked');
  const lines = (await server.audit('session.refresh_reused')).filter((line) => line.subject_id === user.id);
  assert.deepEqual(
    lines.map(({ outcome }) => outcome),
    ['denied'],
  );
  const told = (await server.mails(user.email)).filter(({ subject }) => /session was ended/i.test(subject));
  assert.equal(told.length, 1, 'one mail says so');
  assert.equal((await server.get('/me', { bearer: user.accessToken })).body.code, 'session_revoked');
});

test('only the session of the old token ends: the others of its user go on', async () => {
  const user = await server.user();
  const other = await server.post('/auth/login', { email: user.email, password: PASSWORD });
  await rotated(user.refreshToken);
  server.clock.advance(11);
  await refused(user.refreshToken, 'refresh_token_reused');
  assert.equal((await server.get('/me', { bearer: other.body.access_token })).status, 200);
});

test('a session that nobody refreshes for JWT_REFRESH_EXPIRES_IN has expired; each refresh begins it anew', async () => {
  const user = await server.user();
  server.clock.advance(server.config.JWT_REFRESH_EXPIRES_IN - 5);
  const next = await rotated(user.refreshToken);
  server.clock.advance(server.config.JWT_REFRESH_EXPIRES_IN - 5);
  const last = await rotated(next);
  server.clock.advance(server.config.JWT_REFRESH_EXPIRES_IN);
  await refused(last, 'session_expired');
});

test('SESSION_MAX_AGE ends a session that is refreshed all the time, and no access token outlives it', async () => {
  const user = await server.user();
  const end = server.clock.now() + server.config.SESSION_MAX_AGE * 1000;
  let token = user.refreshToken;
  const step = server.config.JWT_REFRESH_EXPIRES_IN - 60;
  while (server.clock.now() + step * 1000 < end) {
    server.clock.advance(step);
    token = await rotated(token);
  }
  server.clock.advance(Math.floor((end - server.clock.now()) / 1000) - 30);
  const answer = await refresh(token);
  assert.ok(answer.body.expires_in <= 31, `${answer.body.expires_in} s`);
  server.clock.advance(32);
  await refused(answer.body.refresh_token, 'session_expired');
  assert.equal((await server.get('/me', { bearer: answer.body.access_token })).status, 401);
});

test('a token of a later generation than the database knows is refused and ends nothing: it was restored from a backup', async () => {
  const user = await server.user();
  const token = read(user.refreshToken);
  assert.ok(token);
  const later = writeRefreshToken({ ...token, generation: 7 }, server.config.JWT_REFRESH_SECRET);
  await refused(later, 'refresh_token_invalid');
  await rotated(user.refreshToken);
});

test('with JWT_REFRESH_SECRET rotated by a list, tokens of the former secret go on, and new ones are of the new', async () => {
  const user = await server.user();
  const { db, cache, changes, clock, metrics } = server.app.house;
  const fresh = randomBytes(48).toString('base64url');
  const config = { ...server.config, JWT_REFRESH_SECRET: [fresh, ...server.config.JWT_REFRESH_SECRET] };
  const rotating = createSessions({ db, cache, changes, clock, metrics, config });
  const outcome = await rotating.refresh(user.refreshToken);
  assert.equal(outcome.kind, 'rotated');
  assert.ok(outcome.kind === 'rotated' && readRefreshToken(outcome.refreshToken, [fresh]));
  const dropped = createSessions({
    db,
    cache,
    changes,
    clock,
    metrics,
    config: { ...config, JWT_REFRESH_SECRET: [fresh] },
  });
  await assert.rejects(dropped.refresh(user.refreshToken), { code: 'refresh_token_invalid' });
  assert.equal((await dropped.refresh(outcome.kind === 'rotated' ? outcome.refreshToken : '')).kind, 'rotated');
});

test('with SESSION_SECRET and CSRF_SECRET rotated by lists, cookies and CSRF tokens go on', async () => {
  const user = await server.user({ session: 'cookie' });
  const { db, cache, changes, clock, metrics } = server.app.house;
  const [session, csrf] = [randomBytes(48).toString('base64url'), randomBytes(48).toString('base64url')];
  const value = user.cookie.slice('session='.length);
  const sessionsWith = (SESSION_SECRET: string[], CSRF_SECRET: string[]) =>
    createSessions({ db, cache, changes, clock, metrics, config: { ...server.config, SESSION_SECRET, CSRF_SECRET } });
  const listed = sessionsWith([session, ...server.config.SESSION_SECRET], [csrf, ...server.config.CSRF_SECRET]);
  const principal = await listed.byCookie(value);
  assert.equal(principal.user.email, user.email);
  assert.ok(listed.csrfTokens(principal.sessionId).includes(user.csrf));
  const dropped = sessionsWith([session], [csrf]);
  await assert.rejects(async () => dropped.byCookie(value), { code: 'unauthenticated' });
  assert.ok(!dropped.csrfTokens(principal.sessionId).includes(user.csrf));
});
