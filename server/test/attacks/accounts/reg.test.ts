// engines: postgres
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';
import { count, essence, from, linesOf, some64, someAddress, subjects, tally, times, userIdOf } from './tools.ts';

let server: TestServer;
before(async () => {
  server = await startServer();
});

const register = (email: unknown, more: object = {}) =>
  server.post('/auth/register', { email, password: PASSWORD, ...more });

test('REG-01 a taken address gets the same answer as a free one, and its owner is told', async () => {
  const owner = await server.user({ name: 'Ada' });
  const before = await linesOf(server, owner.id);
  const taken = await server.post('/auth/register', {
    email: owner.email,
    password: 'Another-one-entirely-7',
    name: 'Eve',
  });
  const free = someEmail();
  assert.deepEqual(essence(taken), essence(await register(free)));
  assert.equal(taken.status, 202);
  assert.deepEqual(await subjects(server, owner.email), ['Confirm your email address', 'You already have an account']);
  assert.deepEqual(await subjects(server, free), ['Confirm your email address']);
  assert.deepEqual(await linesOf(server, owner.id), [...before, 'user.register_duplicate denied']);
  const me = await server.get('/me', { bearer: owner.accessToken });
  assert.equal(me.body.name, 'Ada');
  const login = await server.post('/auth/login', { email: owner.email, password: 'Another-one-entirely-7' });
  assert.equal(login.status, 401, 'nothing of the second request is stored');
});

test('REG-02 fifty spellings of one address at once make one account, and nobody learns whose was first', async () => {
  const name = someEmail('racer').split('@')[0] as string;
  const spellings = [
    `${name}@münchen-${name}.de`,
    `${name.toUpperCase()}@MÜNCHEN-${name}.DE`,
    ` ${name}@münchen-${name}.de `,
    `${name}＠münchen-${name}。de`,
    `${name.replace('r', 'ｒ')}@münchen-${name}.de`,
  ];
  const answers = await times(50, (index) => register(spellings[index % spellings.length]));
  const statuses = tally(answers);
  assert.equal((statuses[202] ?? 0) + (statuses[503] ?? 0), 50, JSON.stringify(statuses));
  const accepted = answers.filter((answer) => answer.status === 202).map(essence);
  for (const one of accepted) assert.deepEqual(one, accepted[0]);
  const rows = await server.db.query<{ email: string }>('SELECT email FROM auth.users WHERE email LIKE $1', [
    `${name}@%`,
  ]);
  assert.equal(rows.length, 1);
  const email = rows[0]?.email as string;
  assert.match(email, /^[a-z0-9-]+@xn--[a-z0-9-]+\.de$/);
  const lines = await linesOf(server, await userIdOf(server, email));
  assert.equal(lines.filter((line) => line === 'user.registered success').length, 1);
  assert.ok((await server.mails(email)).length <= 5, 'fifty requests are not fifty mails');
});

test('REG-04 I-042 lists, groups, comments, quotes and other types are no address, and no mail goes out', async () => {
  const mails = await count(server, 'auth.outbox');
  const users = await count(server, 'auth.users');
  // biome-ignore format: a table
  const hostile: unknown[] = [
    'evil@example.com,victim@example.com', 'evil@example.com;victim@example.com', 'evil@example.com victim@example.com',
    'evil@example.com\nvictim@example.com', 'evil@example.com%0avictim@example.com', 'a@b@example.com',
    ['evil@example.com', 'victim@example.com'], { email: 'victim@example.com' }, 7, true, null,
    '"a b"@example.com', 'a(c)@example.com', 'a@(c)example.com', '<a@example.com>', 'Eve <a@example.com>',
    'undisclosed:a@example.com;', 'a@example.com>', '@example.com', 'a@', 'a', '', 'a@b', '.a@example.com',
    'a.@example.com', 'a..b@example.com', 'a@example..com', 'a@-example.com', 'a@example.com.', 'a b@example.com',
    'a@[127.0.0.1]', 'a@127.0.0.1', 'a@0x7f.1', 'a@[IPv6:::1]', 'a\\@example.com', 'a@example.com\\', 'mailto:a@example.com',
    'a@example.com/../victim.com', 'a@example.com?to=victim@x', 'a@example.com?to', 'a@example.com#x', 'a@example.com:25',
    'a@ex%61mple.com', 'a@ex\tample.com', '=?utf-8?q?a=40example.com?=',
  ];
  for (const email of hostile) {
    const answer = await register(email);
    assert.equal(answer.status, 400, `${JSON.stringify(email)}: ${answer.text}`);
    assert.ok(answer.body.errors.every((error: { field: string }) => error.field === 'email'));
  }
  assert.equal(await count(server, 'auth.users'), users);
  assert.equal(await count(server, 'auth.outbox'), mails);
});

test('REG-05 line ends, NUL, bidirectional and zero-width characters are refused in address and name', async () => {
  const codes = [
    0x0a, 0x0d, 0x00, 0x1b, 0x7f, 0x85, 0xad, 0x61c, 0x180e, 0x200b, 0x200e, 0x202e, 0x2028, 0x2060, 0x2067, 0xfeff,
  ];
  for (const code of [...codes, 0xe0041]) {
    const letter = String.fromCodePoint(code);
    for (const body of [
      { email: `a${letter}b@example.com`, password: PASSWORD },
      { email: `ab@exam${letter}ple.com`, password: PASSWORD },
      { email: someEmail(), password: PASSWORD, name: `Ada${letter}Bcc: eve@example.com` },
    ]) {
      const answer = await server.post('/auth/register', body);
      assert.equal(answer.status, 400, `U+${code.toString(16)} in ${JSON.stringify(body)}`);
    }
  }
});

test('I-118 a name that is HTML reaches mails and answers as text, or not at all', async () => {
  const name = '<img src=x onerror=alert(1)> https://evil.example';
  const eve = await server.user({ name });
  await server.post('/auth/login', { email: eve.email, password: eve.password });
  const mails = await server.mails(eve.email);
  assert.ok(mails.length >= 2);
  for (const mail of mails) assert.ok(!mail.html.includes('<img src=x') && !mail.text.includes('evil.example'));
  const me = await server.get('/me', { bearer: eve.accessToken });
  assert.equal(me.body.name, name);
  assert.match(me.headers.get('content-type') as string, /^application\/json/);
});

test('REG-08 one address, and one /64, can register only so often; others are not affected', async () => {
  const strict = await startServer({ env: { TRUSTED_PROXIES: '127.0.0.0/8', RATE_LIMIT_LOGIN: '3/60' } });
  const ask = (address: string) => strict.post('/auth/register', { email: 'nobody', password: 'x' }, from(address));
  const address = someAddress();
  const net = some64();
  const ofNet = [`${net}::1`, `${net}::2`, `${net.toUpperCase()}:0:0:0:3`, `${net}:ffff::`];
  for (const clients of [[address, address, `::ffff:${address}`, address], ofNet]) {
    const answers = [];
    for (const client of clients) answers.push(await ask(client));
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [400, 400, 400, 429],
    );
    const last = answers[3];
    assert.equal(last?.body.code, 'rate_limited');
    assert.equal(last?.body.policy, 'login');
    assert.equal(last?.headers.get('retry-after'), String(last?.body.retry_after));
    assert.ok(last?.body.retry_after >= 1 && last?.body.retry_after <= 60);
  }
  assert.equal((await ask(someAddress())).status, 400);
});

test('REG-10 I-129 long, literal and homograph addresses are refused or stored in one form, in little time', async () => {
  const long = (n: number) => 'a'.repeat(n);
  const start = performance.now();
  for (const email of [
    `${long(65)}@example.com`,
    `${long(300)}@example.com`,
    `a@${`${long(60)}.`.repeat(5)}com`,
    `${'('.repeat(300)}a@x.org`,
  ]) {
    assert.equal((await register(email)).status, 400, email);
  }
  assert.ok(performance.now() - start < 1000, 'refused before any password is hashed');
  const homograph = `${someEmail('homo').split('@')[0]}@аpple.com`;
  assert.equal((await register(homograph)).status, 202);
  const stored = await server.db.query<{ email: string }>("SELECT email FROM auth.users WHERE email LIKE 'homo-%'");
  assert.deepEqual(
    stored.map((row) => row.email.split('@')[1]),
    ['xn--pple-43d.com'],
  );
  assert.equal((await register(`${long(64)}@example.com`)).status, 202);
});

test('I-041 an address is normalised first and judged afterwards, on every route that takes one', async () => {
  const ada = await server.user();
  const wide = ada.email.replace('@', '\uff20').replace('e', 'ｅ').toUpperCase();
  assert.equal((await server.post('/auth/login', { email: wide, password: ada.password })).status, 200);
  const before = (await server.mails(ada.email)).length;
  assert.equal((await server.post('/auth/password/forgot', { email: wide })).status, 202);
  assert.equal((await server.mails(ada.email)).length, before + 1);
  for (const bad of [
    'a\uff0cb\uff20example.com',
    'evil\uff20example.com\uff0cvictim@example.com',
    '\uff1ca@example.com\uff1e',
  ]) {
    for (const path of ['/auth/register', '/auth/login']) {
      assert.equal((await server.post(path, { email: bad, password: PASSWORD })).status, 400, bad);
    }
    for (const path of ['/auth/password/forgot', '/auth/verify-email/resend']) {
      assert.equal((await server.post(path, { email: bad })).status, 400, bad);
    }
  }
});
