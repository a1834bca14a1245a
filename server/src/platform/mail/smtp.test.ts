import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { simpleParser } from 'mailparser';
import { startSmtpServer } from '../../../test/smtp-server.ts';
import { type Mail, MailFailure, type MailFailureKind, type MailTransport } from './mail.ts';
import { openSmtp } from './smtp.ts';

const server = await startSmtpServer();
const open = (port: number, more = {}) =>
  openSmtp({ kind: 'smtp', host: '127.0.0.1', port, secure: false, requireTls: false, ...more });
const smtp = open(server.port);
after(async () => {
  await smtp.close();
  await server.close();
});

let count = 0;
const mailTo = (to: string, more: Partial<Mail> = {}): Mail => ({
  id: `01930000-0000-7000-8000-${String(++count).padStart(12, '0')}`,
  from: { name: 'Häuser, "The" House', address: 'noreply@house.test' },
  to,
  subject: 'Grüße',
  text: 'open https://house.test/verify-email#token=abc_DEF-123\n.\nend\n',
  html: '<p><a href="https://house.test/verify-email#token=abc_DEF-123">open</a></p>',
  ...more,
});
const send = (transport: MailTransport, mail: Mail, ms = 5000) => transport.send(mail, AbortSignal.timeout(ms));
const failsAs = (kind: MailFailureKind, codes: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MailFailure);
  assert.equal(error.kind, kind);
  assert.match(error.message, codes);
  assert.doesNotMatch(error.message, /@|secret/);
  return true;
};

test('a mail arrives whole, with the Message-ID of its row, in text and HTML', async () => {
  const mail = mailTo('ada@example.test');
  await send(smtp, mail);
  const got = server.received.at(-1);
  assert.ok(got);
  assert.deepEqual([got.from, got.to], ['noreply@house.test', ['ada@example.test']]);
  const parsed = await simpleParser(got.raw);
  assert.equal(parsed.messageId, `<${mail.id}@house.test>`);
  assert.deepEqual(parsed.from?.value, [{ name: 'Häuser, "The" House', address: 'noreply@house.test' }]);
  assert.equal(parsed.subject, 'Grüße');
  assert.equal(parsed.text?.trim(), mail.text.trim());
  assert.equal(String(parsed.html).trim(), mail.html);
  assert.equal(parsed.headers.get('auto-submitted'), 'auto-generated');
});

test('replies are told apart: final, for now, and about the connection', async () => {
  await assert.rejects(send(smtp, mailTo('reply-550@example.test')), failsAs('rejected', /^EENVELOPE 550.* RCPT TO$/));
  await assert.rejects(send(smtp, mailTo('final-554@example.test')), failsAs('rejected', /^EMESSAGE 554.* DATA$/));
  await assert.rejects(send(smtp, mailTo('reply-450@example.test')), failsAs('deferred', /450/));
  await assert.rejects(send(smtp, mailTo('final-452@example.test')), failsAs('deferred', /452/));
  await assert.rejects(send(smtp, mailTo('reply-421@example.test')), failsAs('unreachable', /421|ECONNECTION/));
  await assert.rejects(send(smtp, mailTo('drop@example.test')), failsAs('unreachable', /ECONNECTION/));
  await send(smtp, mailTo('after@example.test'));
});

test('a mail that is taken too slowly is cut off at the caller’s deadline, and the next one goes', async () => {
  const started = performance.now();
  await assert.rejects(send(smtp, mailTo('slow-3000@example.test'), 300), failsAs('unreachable', /EABORT/));
  assert.ok(performance.now() - started < 2000);
  await send(smtp, mailTo('next@example.test'));
});

test('an address is handed on as it is stored, or not at all (I-129)', async () => {
  server.recipients.length = 0;
  await send(smtp, mailTo("o'neil+tag@example.test"));
  for (const to of [
    'a@b.test, c@d.test',
    '"x@evil.test"@good.test',
    'a@b.test\r\nRCPT TO:<c@d.test>',
    'N <a@b.test>',
  ]) {
    await assert.rejects(send(smtp, mailTo(to)), failsAs('rejected', /EADDRESS/));
  }
  await assert.rejects(
    send(smtp, mailTo('a@b.test', { subject: 'x\r\nBcc: c@d.test' })),
    failsAs('rejected', /EHEADER/),
  );
  assert.deepEqual(server.recipients, ["o'neil+tag@example.test"]);
});

test('nobody listening, and one who never greets, are unreachable', async () => {
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address() as { port: number };
  await new Promise((resolve) => closed.close(resolve));
  const away = open(port);
  await assert.rejects(away.check(), failsAs('unreachable', /ESOCKET/));
  await assert.rejects(send(away, mailTo('a@b.test')), failsAs('unreachable', /ESOCKET/));
  await away.close();

  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const waiting = open((silent.address() as { port: number }).port);
  await assert.rejects(send(waiting, mailTo('a@b.test'), 200), failsAs('unreachable', /EABORT/));
  await waiting.close();
  silent.close();
});

test('a refused sign-in gives up no mail, and the password is not in the error', async () => {
  const guarded = await startSmtpServer({
    authOptional: false,
    allowInsecureAuth: true,
    onAuth: (auth, _session, callback) =>
      auth.password === 'right' ? callback(null, { user: 'u' }) : callback(new Error('535 no, secret')),
  });
  const wrong = open(guarded.port, { user: 'u', password: 'secret-password' });
  await assert.rejects(send(wrong, mailTo('a@b.test')), failsAs('unreachable', /EAUTH/));
  await assert.rejects(wrong.check(), failsAs('unreachable', /EAUTH/));
  const right = open(guarded.port, { user: 'u', password: 'right' });
  await right.check();
  await send(right, mailTo('a@b.test'));
  assert.equal(guarded.received.length, 1);
  await Promise.all([wrong.close(), right.close()]);
  await guarded.close();
});

test('TLS is required where it is configured, and its certificate is verified', async () => {
  const strict = open(server.port, { requireTls: true });
  await assert.rejects(send(strict, mailTo('tls@example.test')), failsAs('unreachable', /ETLS|EPROTOCOL|ESOCKET/));
  await strict.close();
  const selfSigned = await startSmtpServer({ disabledCommands: [] });
  for (const requireTls of [true, false]) {
    const transport = open(selfSigned.port, { requireTls });
    await assert.rejects(send(transport, mailTo('tls@example.test')), failsAs('unreachable', /ESOCKET|ETLS/));
    await transport.close();
  }
  assert.deepEqual(selfSigned.recipients, []);
  await selfSigned.close();
});
