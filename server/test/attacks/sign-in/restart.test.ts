// engines: postgres
// The embedded database has one process at a time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../../kit.ts';
import { ask, done, logIn, post, someone, tapMails } from './tools.ts';

test('I-023 a server that has just started knows which refresh tokens were rotated away, and which sessions were ended', async () => {
  const server = await startServer();
  const mailbox = await tapMails(server);
  const ada = await someone(server, mailbox);
  const old = ada.refresh;
  const { refresh_token: next } = done(await post(server, '/auth/refresh', { refresh_token: old })).body;
  done(await post(server, '/auth/refresh', { refresh_token: next }));
  const { body: ended } = await logIn(server, ada.email);
  done(await post(server, '/auth/logout', { refresh_token: ended.refresh_token }), 204);
  server.clock.advance(server.config.REFRESH_GRACE_SECONDS + 1);
  const started = await startServer({ on: server });
  const replayed = await post(started, '/auth/refresh', { refresh_token: old });
  const revoked = await post(started, '/auth/refresh', { refresh_token: ended.refresh_token });
  assert.deepEqual([replayed.status, replayed.body.code], [401, 'refresh_token_reused']);
  assert.deepEqual([revoked.status, revoked.body.code], [401, 'session_revoked']);
  assert.equal((await ask(started, 'GET', '/api/v1/me', { bearer: ended.access_token })).status, 401);
});
