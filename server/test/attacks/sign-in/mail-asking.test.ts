// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer, testClock } from '../../kit.ts';
import { count, essence, linesOf, subjects, times } from '../accounts/tools.ts';
import { byMail, otherCode } from './mail-tools.ts';

const clock = testClock();
let server: TestServer;
let mail: ReturnType<typeof byMail>;
before(async () => {
  server = await startServer({ clock });
  mail = byMail(server);
});

const HOUR = 3600;
/** What is asked for, but for the flow, which nobody else has. */
const masked = (answer: Parameters<typeof essence>[0]): string =>
  JSON.stringify(essence(answer)).replaceAll(/fl_[\w-]{43}/g, 'fl_…');

async function unverified(): Promise<string> {
  const email = someEmail('unverified');
  await server.post('/auth/register', { email, password: PASSWORD });
  return email;
}

async function disabled(): Promise<string> {
  const { email } = await server.user();
  await server.db.execute("UPDATE auth.users SET status = 'disabled' WHERE email = $1", [email]);
  return email;
}

test('ENU-04 one answer, to the byte, for unknown, known, unverified, disabled, and for the tenth time', async () => {
  for (const ask of [mail.askLink, mail.askCode]) {
    const reference = masked(await ask(someEmail()));
    assert.match(reference, /"status":202/);
    for (const email of [(await server.user()).email, await unverified(), await disabled(), someEmail()]) {
      for (let time = 0; time < 10; time++) assert.equal(masked(await ask(email)), reference, `${email} ${time}`);
    }
  }
});

test('ENU-04 a flow for nobody answers as one of somebody else does, and no code opens it', async () => {
  const nobody = await disabled();
  const somebody = await server.user();
  const real = await mail.code(somebody.email);
  const { flow } = (await mail.askCode(nobody)).body;
  for (let n = 0; n < 7; n++) {
    const [a, b] = [
      await mail.useCode({ flow, code: '000000' }),
      await mail.useCode({ ...real, code: otherCode(real.code) }),
    ];
    assert.deepEqual(essence(a), essence(b), `try ${n + 1}`);
    assert.deepEqual([a.status, a.body.code], [400, 'token_invalid']);
  }
  const rows = await server.db.query<{ usable: boolean }>(
    "SELECT data->>'email' IS NOT NULL AS usable FROM auth.one_time_tokens WHERE user_id IS NULL AND purpose IN ('mail-code', 'magic-link')",
  );
  assert.ok(rows.length > 0);
  assert.deepEqual((await mail.link((await server.user()).email)).token.slice(0, 3), 'ml_');
  assert.equal((await subjects(server, nobody)).filter((one) => /sign-in/.test(one)).length, 0);
});

test('ENU-04 the audit line knows what the answer does not say', async () => {
  const email = await disabled();
  await mail.askLink(email);
  await mail.askCode(email);
  const [user] = await server.db.query<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email]);
  assert.deepEqual((await linesOf(server, user?.id as string)).slice(-2), [
    'session.link_sent denied',
    'session.code_sent denied',
  ]);
});

test('DOS-03 an address gets five links and five codes an hour, twenty codes a day, and nobody is told', async () => {
  for (const email of [(await server.user()).email, someEmail()]) {
    const sent = async (what: string) => (await subjects(server, email)).filter((one) => one === what).length;
    await times(12, () => mail.askLink(email));
    for (let n = 0; n < 12; n++) await mail.askCode(email);
    assert.deepEqual([await sent('Your sign-in link'), await sent('Your sign-in code')], [5, 5]);
    for (let hour = 0; hour < 6; hour++) {
      clock.advance(HOUR + 1);
      for (let n = 0; n < 6; n++) await mail.askCode(email);
    }
    assert.equal(await sent('Your sign-in code'), 20);
    clock.advance(24 * HOUR);
    await mail.askCode(email);
    assert.equal(await sent('Your sign-in code'), 21);
  }
});

test('who has used up the mails of an address does not keep its owner from getting one at home', async () => {
  const ada = await server.user();
  const eve = await server.user();
  for (let n = 0; n < 8; n++) await mail.askLink(ada.email, { device_token: eve.deviceToken });
  for (let n = 0; n < 8; n++) await mail.askCode(ada.email);
  const { length: before } = await subjects(server, ada.email);
  const link = await mail.link(ada.email, { device_token: ada.deviceToken });
  const code = await mail.code(ada.email, { device_token: ada.deviceToken });
  assert.equal((await subjects(server, ada.email)).length, before + 2);
  assert.equal((await mail.useLink({ flow: link.flow, token: link.token })).status, 200);
  assert.equal((await mail.useCode(code)).status, 200);
});

test('BRU-11 five tries a flow, a hundred guesses a day at an address, however many flows and sessions are begun', async () => {
  const { email, id } = await server.user();
  let usable = 0;
  for (let hour = 0; hour < 12; hour++) {
    for (let n = 0; n < 6; n++) {
      const { flow } = (await mail.askCode(email)).body;
      const before = await count(server, 'auth.one_time_tokens WHERE user_id = $1 AND purpose = $2', id, 'mail-code');
      usable = before;
      for (let guess = 0; guess < 7; guess++) assert.equal((await mail.useCode({ flow, code: 'x' })).status, 400);
    }
    clock.advance(HOUR + 1);
  }
  assert.equal(usable, 20, 'flows that take a code at all');
  const rows = await server.db.query<{ attempts: number }>(
    "SELECT attempts FROM auth.one_time_tokens WHERE user_id = $1 AND purpose = 'mail-code'",
    [id],
  );
  assert.ok(rows.every((row) => row.attempts === 5));
});

test('RST-14 five wrong codes end a flow, at once or in turn, and leave every other flow as it is', async () => {
  const { email } = await server.user();
  const [one, two] = [await mail.code(email), await mail.code(email)];
  await times(20, () => mail.useCode({ ...one, code: otherCode(one.code) }));
  assert.equal((await mail.useCode(one)).body.code, 'token_invalid');
  for (let n = 0; n < 4; n++) await mail.useCode({ ...two, code: otherCode(two.code) });
  assert.equal((await mail.useCode(two)).status, 200, 'the fifth try is right');
});

test('RST-14 a code is nothing in another request, for another user, after ten minutes, or a second time', async () => {
  const [ada, bob] = [await server.user(), await server.user()];
  const [one, two, bobs] = [await mail.code(ada.email), await mail.code(ada.email), await mail.code(bob.email)];
  assert.equal((await mail.useCode({ flow: two.flow, code: one.code })).status, 400);
  assert.equal((await mail.useCode({ flow: bobs.flow, code: one.code })).status, 400);
  const mine = await mail.useCode(one);
  assert.equal(mine.body.user.id, ada.id);
  assert.equal((await mail.useCode(one)).status, 400);
  clock.advance(601);
  assert.equal((await mail.useCode(two)).status, 400);
  assert.equal((await mail.useCode(bobs)).status, 400);
});

test('RST-15 I-006 neither answers nor headers nor metrics hold the code or the token, and at rest there are only hashes', async () => {
  const { email } = await server.user();
  const asked = [await mail.askLink(email), await mail.askCode(email)];
  const token = await server.linkToken(email, '/magic-link');
  const [letter] = (await server.mails(email)).filter((one) => one.subject === 'Your sign-in code');
  const code = /Your code: (\d{6})/.exec(letter?.text ?? '')?.[1] as string;
  const told = asked.map((answer) => answer.text + JSON.stringify([...answer.headers])).join();
  assert.ok(!told.includes(code) && !told.includes(token));
  const flows = asked.map((answer) => answer.body.flow as string);
  await server.app.settle();
  for (const table of ['auth.one_time_tokens', 'audit.events', 'auth.outbox', 'auth.guards']) {
    const text = JSON.stringify(await server.db.query(`SELECT t::text FROM ${table} t`));
    for (const secret of [token, ...flows]) assert.ok(!text.includes(secret), `${table} holds ${secret.slice(0, 3)}`);
    assert.ok(!text.includes(`"${code}"`) && !text.includes(`: ${code}`), table);
  }
  const wrong = await mail.useCode({ flow: flows[1], code: otherCode(code) });
  assert.ok(!wrong.text.includes(code));
});

test('I-041 I-042 the address is one mailbox, normalised before it is looked at', async () => {
  const { email, id } = await server.user();
  const wide = email.replace('@', '＠').toUpperCase();
  const got = await mail.link(email);
  const asked = await mail.askLink(wide);
  assert.equal(asked.status, 202);
  assert.equal((await mail.useLink({ flow: got.flow, token: got.token })).body.user.id, id);
  const token = await server.linkToken(email, '/magic-link');
  assert.equal((await mail.useLink({ flow: asked.body.flow, token })).body.user.id, id);
  for (const bad of [
    `evil@example.org,${email}`,
    `${email};x@example.org`,
    `${email}\nbcc: x@example.org`,
    `<${email}>`,
  ]) {
    for (const ask of [mail.askLink, mail.askCode]) {
      const answer = await ask(bad);
      assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed'], bad);
    }
  }
  for (const ask of [mail.askLink, mail.askCode])
    assert.equal((await ask([email, 'x@example.org'] as never)).status, 400);
});

test('codes with spaces, hyphens and full-width digits are taken, and 10 KB of code are a fault of the request', async () => {
  const { email } = await server.user();
  const spell: ((code: string) => string)[] = [
    (code) => ` ${code.slice(0, 3)} ${code.slice(3)} `,
    (code) => code.split('').join('-'),
    (code) => [...code].map((digit) => String.fromCodePoint(0xff10 + Number(digit))).join(''),
    (code) => `${code.slice(0, 3)}\u2013${code.slice(3)}`,
  ];
  for (const spelled of spell) {
    const { flow, code } = await mail.code(email);
    assert.equal((await mail.useCode({ flow, code: spelled(code) })).status, 200, spelled('123456'));
  }
  clock.advance(HOUR + 1);
  const { flow, code } = await mail.code(email);
  for (const bad of ['1'.repeat(10_240), '', 123456, null, ['123456'], { code }]) {
    const answer = await mail.useCode({ flow, code: bad });
    assert.deepEqual([answer.status, answer.body.code], [400, 'validation_failed']);
  }
  assert.equal((await mail.useCode({ flow: 'f'.repeat(10_240), code })).body.code, 'validation_failed');
  assert.equal((await mail.useCode({ flow, code })).status, 200, 'none of them was a try');
});
