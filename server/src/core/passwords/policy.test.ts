import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'node:test';
import type { BreachOutcome } from './policy.ts';
import { createPolicy } from './policy.ts';

const config = { PASSWORD_MIN_LENGTH: 8, PASSWORD_BREACH_CHECK: false, PUBLIC_URL: 'https://login.acme-corp.example' };
const owner = { email: 'jane.doebridge@fabrikam.co.uk', name: 'Jane Doebridge-Smythe' };
const check = createPolicy({ config });

async function codeOf(password: string, of = check): Promise<string> {
  const [finding, ...more] = await of(password, owner);
  assert.deepEqual(more, []);
  if (finding !== undefined) assert.equal(finding.field, 'password');
  return finding?.code ?? 'accepted';
}

async function expectAll(code: string, passwords: readonly string[]): Promise<void> {
  const others: string[] = [];
  for (const password of passwords) {
    const got = await codeOf(password);
    if (got !== code) others.push(`${password}: ${got}`);
  }
  assert.deepEqual(others, []);
}

test('the length is counted in code points, from the setting to 256, and the rule is named', async () => {
  await expectAll('too_short', ['', 'k7Rw2pq', '🦊🐢🦉🐙🦔🐝🦇']);
  await expectAll('accepted', [
    'k7Rw2pqx',
    '🦊🐢🦉🐙🦔🐝🦇🐌',
    'vormals eine lange reise',
    'ékW3vhtz'.normalize('NFD'),
  ]);
  const strict = createPolicy({ config: { ...config, PASSWORD_MIN_LENGTH: 15 } });
  const [finding] = await strict('k7Rw2pqxM4vbTz', owner);
  assert.deepEqual(finding, { field: 'password', code: 'too_short', message: 'Use at least 15 characters.' });
  assert.equal(await codeOf('k7Rw2pqxM4vbTzq', strict), 'accepted');
});

test('64, 128 and 256 characters, emoji and spaces are accepted, 257 and a megabyte are not', async () => {
  const phrase = 'Zwölf Boxkämpfer 🥊 jagen Viktor quer über den großen Sylter Deich; ';
  const long = [...phrase.repeat(8)];
  await expectAll(
    'accepted',
    [64, 128, 256].map((length) => long.slice(0, length).join('')),
  );
  await expectAll('accepted', [long.slice(0, 256).join('').normalize('NFD')]);
  const started = performance.now();
  await expectAll('too_long', [long.slice(0, 257).join(''), 'x'.repeat(1_000_000), 'e\u0301'.repeat(300_000)]);
  assert.ok(performance.now() - started < 100);
});

test('control characters, NUL and broken Unicode are refused', async () => {
  await expectAll('invalid_characters', [
    'kW3vhtzq\u0000mm',
    'kW3vhtzq\tmm',
    'kW3vhtzq\u009bmm',
    'kW3vhtzq\ud800mm',
    '\udc00kW3vhtzq',
  ]);
});

test('no composition is asked for', async () => {
  await expectAll('accepted', ['vkwtzhqrbm', '83016457292', 'quietly mended umbrellas', 'lantern-otter-basalt']);
});

test('every stem of the list is refused in the forms that people use, some tens of thousands', async () => {
  const stems = readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8')
    .split('\n')
    .flatMap((line) => (line.startsWith('#') ? [] : line.split(' ')))
    .filter((stem) => stem !== '');
  const endings = ['', '1', '12', '123', '!', '2024', '01', '1234'];
  const forms = new Set(
    stems.flatMap((stem) => endings.map((ending) => stem + ending)).filter((form) => form.length >= 8),
  );
  assert.ok(forms.size >= 3_000, `${forms.size} forms`);
  const accepted: string[] = [];
  for (const form of forms) if ((await codeOf(form)) === 'accepted') accepted.push(form);
  assert.deepEqual(accepted, []);
});

test('common passwords are refused whatever their case, accents, width, look-alikes and separators', async () => {
  await expectAll('common', [
    'password',
    'Password1!',
    'P@ssw0rd',
    'p4$$w0rd',
    'PASSWORD2024',
    'pa ss word 1',
    'pass-word-123',
    'ｐａｓｓｗｏｒｄ',
    'pässwörd',
    'iloveyou',
    'I love you!',
    'monkeymonkey',
    'letmein2023!',
    'Welcome123',
    'Summer2025!',
    '$unshine',
    '1football',
    '!!dragon99',
    'trustno1',
    'changeme',
    'michael1985',
    'TheMaster',
    'qwerty77!',
    'princess12345',
    'admin1234',
    'starwars!!!',
    'liverpool1',
    'correct horse battery staple',
  ]);
});

test('repeats and walks over the keyboard or the alphabet are refused', async () => {
  await expectAll('predictable', [
    'aaaaaaaa',
    'abababab',
    'xyzxyzxyz',
    '12345678',
    '87654321',
    'abcdefgh',
    'qwertyuiop',
    'qwerty123456',
    '1q2w3e4r',
    '1qaz2wsx',
    'zaq12wsx',
    'asdf1234',
    '1qaz!QAZ',
    'abcd1234!',
    '123qweasd',
    '!@#$%^&*',
    'azertyuiop',
    'йцукенгш',
    '11112222',
    '147258369',
    'a1b2c3d4',
    '123456789012345678901234567890',
  ]);
});

test('the own name, address, the host and the product are refused, unless they are a small part', async () => {
  await expectAll('personal', [
    'jane.doebridge@fabrikam.co.uk',
    'JaneDoebridge',
    'doebridge1990',
    'Fabrikam2024!',
    'D0ebr1dge!',
    'egdirbeod77',
    'Doebridge-Smythe',
    'smythe.jane',
    'fabrikam-password',
    'auth-api',
    'Auth-API-2024',
    'login.acme-corp.example',
    'acme-corp1',
    'jane.doebridge@fabrikam',
  ]);
  await expectAll('accepted', ['what smythe said on the ferry', 'fabrikam kettle vortex']);
  assert.deepEqual(await check('lantern-otter', { email: 'x@y.example', name: null }), []);
});

async function serve(t: test.TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/range`;
}

function breachPolicy(breachEndpoint: string) {
  const outcomes: BreachOutcome[] = [];
  const observe = (outcome: BreachOutcome) => void outcomes.push(outcome);
  return {
    outcomes,
    check: createPolicy({ config: { ...config, PASSWORD_BREACH_CHECK: true }, breachEndpoint, observe }),
  };
}

const sha1 = (text: string) => createHash('sha1').update(text).digest('hex').toUpperCase();

test('a breached password is refused, and only five digits of its SHA-1 leave the server', async (t) => {
  const [known, padded] = ['lantern-otter-1', 'lantern-otter-2'];
  const seen: { url: string | undefined; padding: unknown }[] = [];
  const endpoint = await serve(t, (request, response) => {
    seen.push({ url: request.url, padding: request.headers['add-padding'] });
    response.end([`${sha1(known).slice(5)}:42`, `${sha1(padded).slice(5)}:0`, `${'0'.repeat(35)}:3`].join('\r\n'));
  });
  const policy = breachPolicy(endpoint);
  assert.equal(await codeOf(known, policy.check), 'breached');
  assert.equal(await codeOf(padded, policy.check), 'accepted');
  assert.equal(await codeOf('password1', policy.check), 'common');
  assert.deepEqual(
    seen,
    [known, padded].map((password) => ({ url: `/range/${sha1(password).slice(0, 5)}`, padding: 'true' })),
  );
  assert.deepEqual(policy.outcomes, ['breached', 'clear']);
});

test('the breach check fails open: an error, silence for 1.5 s, an endless answer or no server lets the password pass', async (t) => {
  const listeners: RequestListener[] = [
    (_request, response) => response.writeHead(500).end(),
    () => {},
    (_request, response) => void response.writeHead(200).write('x'.repeat(2_000_000)),
    (_request, response) => response.writeHead(302, { location: 'https://elsewhere.example/' }).end(),
  ];
  const endpoints = [
    ...(await Promise.all(listeners.map((listener) => serve(t, listener)))),
    'http://127.0.0.1:1/range',
  ];
  const started = performance.now();
  for (const endpoint of endpoints) {
    const policy = breachPolicy(endpoint);
    assert.equal(await codeOf('lantern-otter-3', policy.check), 'accepted');
    assert.deepEqual(policy.outcomes, ['failed']);
  }
  assert.ok(performance.now() - started < 3_000);
});
