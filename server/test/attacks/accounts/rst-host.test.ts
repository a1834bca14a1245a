// engines: postgres
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { before, test } from 'node:test';
import { PASSWORD, someEmail, startServer, type TestServer } from '../../kit.ts';

const PUBLIC = 'http://localhost:3000';

let server: TestServer;
before(async () => {
  server = await startServer({ env: { TRUSTED_PROXIES: '127.0.0.0/8' } });
});

/** One request, byte for byte; the status of its answer. */
function send(target: string, headers: string[], body: object): Promise<number> {
  const content = JSON.stringify(body);
  const { hostname, port } = new URL(server.url);
  const lines = [
    `POST ${target} HTTP/1.1`,
    ...headers,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(content)}`,
    'Connection: close',
  ];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => void socket.write(`${lines.join('\r\n')}\r\n\r\n${content}`));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('end', () => resolve(Number(answer.split(' ')[1])));
    socket.on('error', reject);
  });
}

// biome-ignore format: a table
const EVIL: [string, string[]][] = [
  ['Host', ['Host: evil.example']],
  ['Host with a port', ['Host: localhost:3000@evil.example:81']],
  ['an @ in Host', ['Host: localhost@evil.example']],
  ['X-Forwarded-Host', ['Host: localhost:3000', 'X-Forwarded-Host: evil.example']],
  ['several X-Forwarded headers', [
    'Host: localhost:3000', 'X-Forwarded-Host: evil.example, evil.example', 'X-Forwarded-Proto: https',
    'X-Forwarded-Port: 81', 'X-Forwarded-Prefix: /evil', 'X-Forwarded-Server: evil.example', 'X-Forwarded-Uri: //evil.example',
  ]],
  ['Forwarded', ['Host: localhost:3000', 'Forwarded: for=1.2.3.4;host=evil.example;proto=https']],
  ['other names', ['Host: localhost:3000', 'X-Host: evil.example', 'X-Original-Host: evil.example', 'X-HTTP-Host-Override: evil.example', 'X-Original-URL: http://evil.example/', 'X-Rewrite-URL: http://evil.example/']],
  ['Referer', ['Host: localhost:3000', 'Referer: http://evil.example/reset']],
  ['an empty Host', ['Host:']],
];

async function linksAreOurs(to: string, path: string, count: number, what: string): Promise<void> {
  const mails = await server.mails(to);
  assert.equal(mails.length, count, what);
  for (const mail of mails) {
    assert.ok(!`${mail.subject}${mail.text}${mail.html}`.includes('evil.example'), what);
    for (const link of mail.links) assert.ok(link.startsWith(`${PUBLIC}/`), `${what}: ${link}`);
  }
  assert.ok(
    mails[0]?.links.some((link) => link.startsWith(`${PUBLIC}${path}#token=`)),
    what,
  );
}

test('RST-01 I-094 the link in the mail is of the configured origin, whatever host the request claims', async () => {
  for (const [what, headers] of EVIL) {
    const email = someEmail('host');
    const registered = await send('/api/v1/auth/register', headers, { email, password: PASSWORD });
    assert.ok([202, 400].includes(registered), `${what}: ${registered}`);
    if (registered === 400) continue;
    await linksAreOurs(email, '/verify-email', 1, what);
    assert.equal(await send('/api/v1/auth/password/forgot', headers, { email }), 202);
    await linksAreOurs(email, '/reset-password', 2, what);
    assert.equal(await send('/api/v1/auth/verify-email/resend', headers, { email }), 202);
    await linksAreOurs(email, '/verify-email', 3, what);
  }
});

test('RST-01 I-094 nor does a request target in absolute form, or two hosts, make a link of its own', async () => {
  const targets = [
    'http://evil.example/api/v1/auth/password/forgot',
    'http://localhost:3000@evil.example/api/v1/auth/password/forgot',
    'https://evil.example:81/api/v1/auth/password/forgot',
    '//evil.example/api/v1/auth/password/forgot',
  ];
  for (const target of targets) {
    const { email } = await server.user();
    const before = (await server.mails(email)).length;
    const status = await send(target, ['Host: localhost:3000'], { email });
    assert.ok([202, 400, 404, 421].includes(status), `${target}: ${status}`);
    if (status === 202) await linksAreOurs(email, '/reset-password', before + 1, target);
    else assert.equal((await server.mails(email)).length, before);
  }
  const { email } = await server.user();
  const before = (await server.mails(email)).length;
  const two = await send('/api/v1/auth/password/forgot', ['Host: localhost:3000', 'Host: evil.example'], { email });
  assert.ok([202, 400].includes(two));
  for (const mail of (await server.mails(email)).slice(0, before)) assert.ok(!mail.text.includes('evil.example'));
});

test('RST-09 RST-15 I-006 no token of a mail is in any answer, audit line or readable column', async () => {
  const email = someEmail('secret');
  const answers = [
    await server.post('/auth/register', { email, password: PASSWORD }),
    await server.post('/auth/verify-email/resend', { email }),
    await server.post('/auth/password/forgot', { email }),
  ];
  const tokens = [await server.linkToken(email, '/verify-email'), await server.linkToken(email, '/reset-password')];
  answers.push(await server.post('/auth/password/reset', { token: tokens[1], password: 'short' }));
  answers.push(await server.post('/auth/verify-email', { token: tokens[0] }));
  answers.push(await server.post('/auth/verify-email', { token: tokens[0] }));
  const metrics = await server.app.metrics.text();
  const rows = await Promise.all(
    ['auth.one_time_tokens', 'auth.outbox', 'audit.events', 'audit.inbox', 'auth.guards', 'auth.idempotency_keys'].map(
      (table) => server.db.query(`SELECT t::text AS line FROM ${table} t`),
    ),
  );
  const everything = [
    ...answers.map((one) => `${one.text}${JSON.stringify([...one.headers])}`),
    metrics,
    JSON.stringify(rows),
  ].join('\n');
  for (const token of tokens) {
    assert.ok(!everything.includes(token.slice(3)));
    assert.ok(!everything.includes(Buffer.from(token).toString('hex')));
  }
  assert.ok(!everything.includes(PASSWORD));
});
