// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { count, linesOf, tally, times } from '../accounts/tools.ts';
import { byMail } from './mail-tools.ts';

let server: TestServer;
let mail: ReturnType<typeof byMail>;
before(async () => {
  server = await startServer();
  mail = byMail(server);
});

const NEW = 'A-fresh-start-0815';

/** One success; a server that has too much to do may say so, but never succeed twice. */
function assertOnce(answers: readonly { status: number }[]): void {
  const statuses = tally(answers);
  assert.equal(statuses[200], 1, JSON.stringify(statuses));
  assert.equal((statuses[400] ?? 0) + (statuses[503] ?? 0), answers.length - 1, JSON.stringify(statuses));
}

async function sessionsOf(email: string): Promise<number> {
  return count(server, 'auth.sessions s JOIN auth.users u ON u.id = s.user_id WHERE u.email = $1', email);
}

test('one link used fifty times at once signs in once', async () => {
  const { email } = await server.user();
  const { flow, token } = await mail.link(email);
  const before = await sessionsOf(email);
  assertOnce(await times(50, () => mail.useLink({ flow, token })));
  assert.equal(await sessionsOf(email), before + 1);
});

test('one code used fifty times at once signs in once, and so does the code of a link', async () => {
  const { email } = await server.user();
  const got = await mail.code(email);
  assertOnce(await times(50, () => mail.useCode(got)));
  const { flow, token } = await mail.link(email);
  const shown = await times(50, () => mail.showCode(token));
  assertOnce(shown);
  const code = shown.find((answer) => answer.status === 200)?.body.code;
  assertOnce(await times(50, () => mail.useLink({ flow, code })));
});

test('a link that is used and shown at the same moment is one of the two', async () => {
  for (let round = 0; round < 5; round++) {
    const { email } = await server.user();
    const { flow, token } = await mail.link(email);
    assertOnce(await times(10, (n) => (n % 2 === 0 ? mail.useLink({ flow, token }) : mail.showCode(token))));
  }
});

test('two links and two codes of one new address used at once make one account, and all of them lead into it', async () => {
  for (let round = 0; round < 3; round++) {
    const email = someEmail('new');
    const links = [await mail.link(email), await mail.link(email)];
    const codes = [await mail.code(email), await mail.code(email)];
    const answers = await Promise.all([
      ...links.map(({ flow, token }) => mail.useLink({ flow, token })),
      ...codes.map(mail.useCode),
    ]);
    assert.deepEqual(tally(answers), { 200: 4 });
    const ids = new Set(answers.map((answer) => answer.body.user.id));
    assert.equal(ids.size, 1);
    assert.equal(await count(server, 'auth.users WHERE email = $1', email), 1);
    const lines = await linesOf(server, [...ids][0] as string);
    assert.equal(lines.filter((line) => line === 'user.registered success').length, 1);
  }
});

test('two links of an account that was never verified take it over once, and the second does not undo the first', async () => {
  const email = someEmail('victim');
  await server.post('/auth/register', { email, password: PASSWORD });
  const links = [await mail.link(email), await mail.link(email)];
  const answers = await Promise.all(links.map(({ flow, token }) => mail.useLink({ flow, token })));
  const statuses = tally(answers);
  assert.deepEqual(statuses, { 200: 1, 400: 1 }, 'who claims an account ends every other link to it');
  const winner = answers.find((answer) => answer.status === 200);
  assert.equal((await server.get('/me', { bearer: winner?.body.access_token })).status, 200);
});

test('RT-04 a sign-in by mail beside a reset, or beside signing out everywhere, either fails or ends with it', async () => {
  for (let round = 0; round < 6; round++) {
    const { email, accessToken: bearer, id } = await server.user();
    const [link, code] = [await mail.link(email), await mail.code(email)];
    await server.post('/auth/password/forgot', { email });
    const token = await server.linkToken(email, '/reset-password');
    const [end] = await Promise.all([
      round % 2 === 0
        ? server.post('/auth/password/reset', { token, password: NEW })
        : server.post('/auth/logout-all', {}, { bearer }),
      mail.useLink({ flow: link.flow, token: link.token }),
      mail.useCode(code),
    ]);
    assert.equal(end.status, 204);
    assert.equal(await count(server, 'auth.sessions WHERE user_id = $1 AND ended_at IS NULL', id), 0, `round ${round}`);
  }
});
