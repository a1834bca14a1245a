// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { Authenticator, Lies } from '../../authenticator.ts';
import { firstFactor } from '../../factors.ts';
import { startServer, type TestServer, type TestUser } from '../../kit.ts';
import { linesOf, subjects, tally, times } from '../accounts/tools.ts';
import { personWithPasskey, requestOptions, said } from './passkey-tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const INVALID = [401, 'mfa_invalid'];

async function asked(user: TestUser) {
  const mfa_token = await firstFactor(server, user);
  const { body } = await server.post('/auth/mfa/passkey-options', { mfa_token });
  return { mfa_token, options: body };
}

async function show(user: TestUser, key: Authenticator, lies: Lies = {}) {
  const { mfa_token, options } = await asked(user);
  return server.post('/auth/mfa', { mfa_token, ...key.get(options, lies) });
}

test('beside a password the own passkeys are listed, and one of them is the second factor', async () => {
  const { user, key } = await personWithPasskey(server);
  const { options } = await asked(user);
  const id = key.credentialId.toString('base64url');
  assert.deepEqual(options.allowCredentials, [{ id, type: 'public-key', transports: ['internal'] }]);
  const answer = await show(user, key, { isVerified: false });
  assert.equal(answer.body.status, 'complete', answer.text);
  const claims = JSON.parse(Buffer.from(answer.body.access_token.split('.')[1], 'base64url').toString());
  assert.deepEqual(claims.amr, ['pwd', 'hwk', 'mfa']);
});

test('PK-03 PK-07 a passkey of somebody else, and a challenge of another sign-in, are no second factor', async () => {
  const [ada, eve] = [await personWithPasskey(server), await personWithPasskey(server)];
  assert.deepEqual(said(await show(ada.user, eve.key)), INVALID);
  assert.deepEqual(said(await show(ada.user, eve.key, { credentialId: ada.key.credentialId })), INVALID);
  assert.deepEqual(said(await show(ada.user, ada.key, { userHandle: eve.key.userHandle })), INVALID);
  const [first, second] = [await asked(ada.user), await asked(ada.user)];
  const crossed = { mfa_token: first.mfa_token, ...ada.key.get(second.options) };
  assert.deepEqual(said(await server.post('/auth/mfa', crossed)), INVALID);
  const alone = ada.key.get(await requestOptions(server));
  assert.deepEqual(said(await server.post('/auth/mfa', { mfa_token: first.mfa_token, ...alone })), INVALID);
  const right = { mfa_token: first.mfa_token, ...ada.key.get(first.options) };
  assert.equal((await server.post('/auth/mfa', right)).status, 200);
});

test('fifty times at once: one sign-in', async () => {
  const { user, key } = await personWithPasskey(server, { counts: false });
  const { mfa_token, options } = await asked(user);
  const body = { mfa_token, ...key.get(options) };
  const answers = await times(50, () => server.post('/auth/mfa', body));
  assert.deepEqual(tally(answers), { 200: 1, 401: 49 });
});

test('a copy raises the alarm as a second factor too, and says from where', async () => {
  const { user, key } = await personWithPasskey(server);
  const clone = key.copy();
  for (let n = 0; n < 2; n++) assert.equal((await show(user, key)).status, 200);
  assert.deepEqual(said(await show(user, clone)), INVALID);
  assert.ok((await linesOf(server, user.id)).includes('passkey.suspicious denied counter'));
  assert.ok((await subjects(server, user.email)).includes('A passkey was refused'));
  const [line] = await server.db.query<{ address: string }>(
    "SELECT address FROM audit.events WHERE action = 'passkey.suspicious' AND subject_id = $1",
    [user.id],
  );
  assert.equal(line?.address, '127.0.0.1');
});
