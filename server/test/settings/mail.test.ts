// engines: postgres
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import tls from 'node:tls';
import { PASSWORD, someEmail, startServer } from '../kit.ts';
import { atEnd } from '../programs.ts';
import { startSmtpServer } from '../smtp-server.ts';
import { makeAuthority } from './certificates.ts';
import { startHttpStandIn } from './tools.ts';

const SMTP = { EMAIL_SERVICE: 'smtp', SMTP_HOST: '127.0.0.1', EMAIL_FROM: 'The House <house@sender.example.test>' };
const authority = makeAuthority();
const issued = authority.issue('smtp');
const certificate = { key: readFileSync(issued.key), cert: readFileSync(issued.cert) };
// The mail server is verified with the public authorities, of which this process now knows one more.
tls.setDefaultCACertificates([...tls.getCACertificates(), authority.pem]);

/** Registers at a server with these settings and lets the mail go; to whom it went, and how many could not. */
async function sendOne(env: Record<string, string>): Promise<{ email: string; kept: number }> {
  // A database of its own: where another server's worker is at the outbox, it would send what this one cannot.
  const one = await startServer({ env });
  const email = someEmail();
  assert.equal((await one.post('/auth/register', { email, password: PASSWORD })).status, 202);
  await one.app.settle();
  const rows = await one.db.query<{ kept: number }>('SELECT count(*) AS kept FROM auth.outbox');
  await one.close();
  return { email, kept: rows[0]?.kept ?? -1 };
}

test('EMAIL_SERVICE=inbox keeps mails for reading; any other has no inbox', async () => {
  const one = await startServer({ env: { EMAIL_SERVICE: 'inbox', EMAIL_FROM: SMTP.EMAIL_FROM } });
  const email = someEmail();
  await one.post('/auth/register', { email, password: PASSWORD });
  assert.equal((await one.mails(email)).length, 1);
  const smtp = await startServer({ on: one, env: { ...SMTP, SMTP_PORT: '1' } });
  assert.equal((await smtp.call('GET', '/dev/inbox/messages')).status, 404);
  for (const server of [smtp, one]) await server.close();
});

test('EMAIL_SERVICE=smtp hands mails to SMTP_HOST:SMTP_PORT, from EMAIL_FROM, signed in as SMTP_USER', async () => {
  const credentials: string[] = [];
  const smtp = await startSmtpServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) => {
      credentials.push(`${username} ${password}`);
      if (password === 'kT8-mail-pass') done(null, { user: username });
      else done(new Error('no'));
    },
  });
  atEnd(() => smtp.close());
  const env = { ...SMTP, SMTP_PORT: `${smtp.port}`, SMTP_USER: 'auth-api' };
  const { email } = await sendOne({ ...env, SMTP_PASSWORD: 'kT8-mail-pass' });
  assert.deepEqual(credentials, ['auth-api kT8-mail-pass']);
  assert.deepEqual(
    smtp.received.map(({ from, to }) => [from, to]),
    [['house@sender.example.test', [email]]],
  );
  assert.match(smtp.received[0]?.raw ?? '', /^From: The House <house@sender\.example\.test>$/im);
  assert.equal((await sendOne({ ...env, SMTP_PASSWORD: 'kT8-another-pass' })).kept, 1);
  assert.equal(credentials.at(-1), 'auth-api kT8-another-pass');
  assert.equal(smtp.received.length, 1);
});

test('SMTP_SECURE speaks TLS from the first byte, and only with a server that can be verified', async () => {
  const smtp = await startSmtpServer({ secure: true, ...certificate });
  const stranger = makeAuthority('A stranger').issue('smtp');
  const forged = await startSmtpServer({
    secure: true,
    key: readFileSync(stranger.key),
    cert: readFileSync(stranger.cert),
  });
  atEnd(() => Promise.all([smtp.close(), forged.close()]).then(() => undefined));
  const { email } = await sendOne({ ...SMTP, SMTP_PORT: `${smtp.port}`, SMTP_SECURE: 'true' });
  assert.deepEqual(
    smtp.received.map((mail) => mail.to),
    [[email]],
  );
  assert.equal((await sendOne({ ...SMTP, SMTP_PORT: `${forged.port}`, SMTP_SECURE: 'true' })).kept, 1);
  assert.equal(forged.received.length, 0);
});

test('SMTP_REQUIRE_TLS sends nothing where there is no STARTTLS, and sends where there is', async () => {
  const plain = await startSmtpServer();
  const upgrading = await startSmtpServer({ ...certificate, disabledCommands: ['AUTH'] });
  atEnd(() => Promise.all([plain.close(), upgrading.close()]).then(() => undefined));
  const env = { ...SMTP, SMTP_REQUIRE_TLS: 'true' };
  assert.equal((await sendOne({ ...env, SMTP_PORT: `${plain.port}` })).kept, 1);
  assert.equal(plain.received.length, 0);
  const { email } = await sendOne({ ...env, SMTP_PORT: `${upgrading.port}` });
  assert.deepEqual(
    upgrading.received.map((mail) => mail.to),
    [[email]],
  );
  await sendOne({ ...env, SMTP_REQUIRE_TLS: 'false', SMTP_PORT: `${plain.port}` });
  assert.equal(plain.received.length, 1);
});

test('EMAIL_SERVICE=ses sends through SES at AWS_SES_ENDPOINT, signed with the AWS settings', async () => {
  const ses = await startHttpStandIn(() => ({ body: '{"MessageId":"m-1"}' }));
  const { email } = await sendOne({
    EMAIL_SERVICE: 'ses',
    EMAIL_FROM: SMTP.EMAIL_FROM,
    AWS_REGION: 'eu-west-3',
    AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE00001',
    AWS_SECRET_ACCESS_KEY: 'kT8-aws-pass',
    AWS_SESSION_TOKEN: 'a-session-of-a-role',
    AWS_SES_ENDPOINT: ses.url,
  });
  assert.equal(ses.calls.length, 1);
  const { headers, body } = ses.calls[0] as (typeof ses.calls)[0];
  assert.match(headers.authorization ?? '', /Credential=AKIAEXAMPLE00001\/\d{8}\/eu-west-3\/ses\/aws4_request/);
  assert.equal(headers['x-amz-security-token'], 'a-session-of-a-role');
  assert.deepEqual(JSON.parse(body).Destination, { ToAddresses: [email] });
  assert.match(JSON.parse(body).FromEmailAddress, /<house@sender\.example\.test>$/);
});
