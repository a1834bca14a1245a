// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { byMail } from '../attacks/sign-in/mail-tools.ts';
import { someEmail, startServer, type TestServer } from '../kit.ts';

let server: TestServer;
before(async () => {
  server = await startServer({ env: { SIGN_UP_BY_MAIL: 'false' } });
});

test('SIGN_UP_BY_MAIL=false makes no account by a link or a code, and says the same', async () => {
  const mail = byMail(server);
  const email = someEmail('nobody');
  const known = await server.user();
  for (const ask of [mail.askLink, mail.askCode]) {
    const [a, b] = [await ask(email), await ask(known.email)];
    assert.deepEqual([a.status, Object.keys(a.body)], [b.status, Object.keys(b.body)]);
  }
  assert.deepEqual(await server.mails(email), []);
  const link = await mail.link(known.email);
  assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).status, 200, 'who has an account gets in');
  assert.equal((await mail.useCode(await mail.code(known.email))).status, 200);
  const found = await server.db.query('SELECT 1 FROM auth.users WHERE email = $1', [email]);
  assert.deepEqual(found, []);
});
