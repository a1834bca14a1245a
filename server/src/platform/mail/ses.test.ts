import assert from 'node:assert/strict';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, beforeEach, test } from 'node:test';
import { type Mail, MailFailure, type MailFailureKind } from './mail.ts';
import { openSes } from './ses.ts';

interface Call {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

// A stand-in for the endpoint of SES: it answers what `answer` says and keeps what it was asked.
const calls: Call[] = [];
let answer: { status: number; type?: string; body: unknown; delay?: number } = {
  status: 200,
  body: { MessageId: 'm-1' },
};
const server = createServer(async (request, response) => {
  const body = await text(request);
  calls.push({
    method: request.method ?? '',
    url: request.url ?? '',
    headers: request.headers,
    body: body ? JSON.parse(body) : {},
  });
  setTimeout(() => {
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      ...(answer.type ? { 'x-amzn-errortype': answer.type } : {}),
    });
    response.end(JSON.stringify(answer.body));
  }, answer.delay ?? 0);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const settings = {
  kind: 'ses',
  region: 'eu-central-1',
  accessKeyId: 'AKIATEST',
  secretAccessKey: 'very-secret-key',
  endpoint,
} as const;
const ses = openSes(settings);
beforeEach(() => {
  calls.length = 0;
});
after(async () => {
  await ses.close();
  server.closeAllConnections();
  server.close();
});

const mail: Mail = {
  id: '01930000-0000-7000-8000-000000000001',
  from: { name: 'Häuser', address: 'noreply@house.test' },
  to: 'ada@example.test',
  subject: 'Grüße',
  text: 'text\n',
  html: '<p>html</p>',
};
const send = (more: Partial<Mail> = {}, ms = 5000) => ses.send({ ...mail, ...more }, AbortSignal.timeout(ms));

test('a mail becomes one signed call with one recipient', async () => {
  answer = { status: 200, body: { MessageId: 'm-1' } };
  await send();
  assert.equal(calls.length, 1);
  const [call] = calls;
  assert.deepEqual([call?.method, call?.url], ['POST', '/v2/email/outbound-emails']);
  assert.match(
    call?.headers.authorization ?? '',
    /^AWS4-HMAC-SHA256 Credential=AKIATEST\/\d{8}\/eu-central-1\/ses\/aws4_request/,
  );
  assert.deepEqual(call?.body, {
    FromEmailAddress: '=?UTF-8?B?SMOkdXNlcg==?= <noreply@house.test>',
    Destination: { ToAddresses: ['ada@example.test'] },
    Content: {
      Simple: {
        Subject: { Data: 'Grüße', Charset: 'UTF-8' },
        Body: { Text: { Data: 'text\n', Charset: 'UTF-8' }, Html: { Data: '<p>html</p>', Charset: 'UTF-8' } },
        Headers: [
          { Name: 'Auto-Submitted', Value: 'auto-generated' },
          { Name: 'X-Entity-Ref-ID', Value: mail.id },
        ],
      },
    },
  });
});

test('answers are told apart: about the mail, for now, about the account or the road', async () => {
  const cases: [number, string, MailFailureKind][] = [
    [400, 'MessageRejected', 'rejected'],
    [400, 'BadRequestException', 'rejected'],
    [429, 'TooManyRequestsException', 'deferred'],
    [400, 'LimitExceededException', 'deferred'],
    [400, 'AccountSuspendedException', 'unreachable'],
    [400, 'SendingPausedException', 'unreachable'],
    [403, 'InvalidSignatureException', 'unreachable'],
    [503, 'ServiceUnavailable', 'unreachable'],
  ];
  for (const [status, type, kind] of cases) {
    answer = { status, type, body: { message: 'Address ada@example.test is not verified, secret' } };
    await assert.rejects(send(), (error) => {
      assert.ok(error instanceof MailFailure);
      assert.equal(error.kind, kind, type);
      assert.equal(error.message, `SES ${type} ${status}`);
      return true;
    });
  }
  assert.equal(calls.length, cases.length, 'retrying is the outbox’s work');
});

test('a slow endpoint is left at the deadline', async () => {
  answer = { status: 200, body: { MessageId: 'm-1' }, delay: 2000 };
  const started = performance.now();
  await assert.rejects(send({}, 200), (error) => error instanceof MailFailure && error.kind === 'unreachable');
  assert.ok(performance.now() - started < 1500);
  answer = { status: 200, body: {} };
});

test('an address that is not one never leaves', async () => {
  for (const to of ['a@b.test, c@d.test', 'a@b.test\r\nBcc: c@d.test']) {
    await assert.rejects(send({ to }), (error) => error instanceof MailFailure && error.kind === 'rejected');
  }
  assert.equal(calls.length, 0);
});

test('checking sends nothing, and is content with an account that may only send', async () => {
  answer = { status: 200, body: { SendingEnabled: true } };
  await ses.check();
  answer = { status: 403, type: 'AccessDeniedException', body: {} };
  await ses.check();
  answer = { status: 200, body: { SendingEnabled: false } };
  await assert.rejects(ses.check(), /SendingPaused/);
  answer = { status: 403, type: 'UnrecognizedClientException', body: {} };
  await assert.rejects(ses.check(), /UnrecognizedClientException/);
  assert.ok(calls.every((call) => call.method === 'GET' && call.url === '/v2/email/account'));
  const away = openSes({ ...settings, endpoint: 'http://127.0.0.1:1' });
  await assert.rejects(away.check(), (error) => error instanceof MailFailure && error.kind === 'unreachable');
  await away.close();
});
