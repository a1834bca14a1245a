import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, beforeEach, test } from 'node:test';
import Fastify, { type FastifyInstance } from 'fastify';
import { embeddedDatabase } from '../../../test/ground.ts';
import type { Config } from '../../config/config.ts';
import { uuidv7 } from '../../lib/id.ts';
import { compileValidator } from '../../platform/http/validation.ts';
import { openMailTransport } from '../../platform/mail/open.ts';
import { inbox } from './index.ts';

let now = Date.UTC(2026, 10, 23, 12);
const clock = { now: () => now };
const db = await embeddedDatabase();
const transport = openMailTransport({ mail: { kind: 'inbox' } }, { db, clock });
const apps: FastifyInstance[] = [];
beforeEach(async () => void (await db.execute('DELETE FROM auth.dev_inbox')));
after(async () => {
  for (const app of apps) await app.close();
  await db.close();
});

const appWith = (config: Pick<Config, 'NODE_ENV' | 'mail'>): FastifyInstance => {
  const app = Fastify();
  app.setValidatorCompiler(compileValidator as never);
  inbox({ db, config }).routes(app);
  apps.push(app);
  return app;
};
const app = appWith({ NODE_ENV: 'test', mail: { kind: 'inbox' } });
const deliver = async (to: string, text: string, subject = 'Hello') => {
  now += 1000;
  const id = uuidv7(now);
  const mail = { id, from: { name: '', address: 'noreply@house.test' }, to, subject, text, html: `<p>${text}</p>` };
  await transport.send(mail, AbortSignal.timeout(1000));
  return mail;
};
const messages = async (query = '') => (await app.inject(`/dev/inbox/messages${query}`)).json().data;

test('mails are listed newest first, with their links and codes', async () => {
  const first = await deliver('ada@example.test', 'Open https://app.test/verify-email#token=vt_12345678 now.\n');
  const second = await deliver(
    'bob@example.test',
    'Your code: 123456. Not 12345, 123456789, 1.123456.2 or x654321. Or 87654321!\n',
  );
  assert.deepEqual(await messages(), [
    {
      id: second.id,
      to: 'bob@example.test',
      subject: 'Hello',
      text: second.text,
      html: second.html,
      links: [],
      codes: ['123456', '87654321'],
      sent_at: '2026-11-23T12:00:02.000Z',
    },
    {
      id: first.id,
      to: 'ada@example.test',
      subject: 'Hello',
      text: first.text,
      html: first.html,
      links: ['https://app.test/verify-email#token=vt_12345678'],
      codes: [],
      sent_at: '2026-11-23T12:00:01.000Z',
    },
  ]);
  assert.deepEqual(
    (await messages('?to=Ada@Example.test')).map((mail: { id: string }) => mail.id),
    [first.id],
  );
  assert.deepEqual(await messages('?to=nobody@example.test'), []);
});

test('a mail that is sent twice is there once, and only the newest 500 are kept', async () => {
  const mail = await deliver('ada@example.test', 'x');
  await transport.send(mail, AbortSignal.timeout(1000));
  assert.equal((await messages()).length, 1);
  for (let i = 0; i < 505; i++) await deliver(`n${i}@example.test`, 'x');
  const [row] = await db.query<{ count: number; oldest: Date }>(
    'SELECT count(*)::int AS count, min(sent_at) AS oldest FROM auth.dev_inbox',
  );
  assert.deepEqual([row?.count, row?.oldest.getTime()], [500, now - 499_000]);
});

test('the page shows mails as text, escaped, with links that can be followed', async () => {
  await deliver(
    'ada@example.test',
    '<script>alert(1)</script> https://app.test/a#token=x&y="><img\n',
    '<b>Subject</b>',
  );
  const response = await app.inject('/dev/inbox');
  assert.equal(response.statusCode, 200);
  assert.match(String(response.headers['content-type']), /^text\/html; charset=utf-8$/);
  assert.match(response.body, /&lt;script&gt;alert\(1\)/);
  assert.match(response.body, /<h2>&lt;b&gt;Subject/);
  assert.match(response.body, /<a href="https:\/\/app\.test\/a#token=x&amp;y=" rel="noreferrer">/);
  assert.doesNotMatch(response.body, /<script|<img|<b>/);
});

test('the page runs nothing, loads nothing and leaks nothing (RST-09)', async () => {
  const { headers, body } = await app.inject('/dev/inbox');
  const policy = String(headers['content-security-policy']);
  assert.match(policy, /^default-src 'none'; style-src 'sha256-/);
  assert.doesNotMatch(policy, /unsafe|script-src|https?:|\*/);
  const style = /<style>(.*?)<\/style>/s.exec(body)?.[1] ?? '';
  assert.ok(
    policy.includes(createHash('sha256').update(style).digest('base64')),
    'the style is the one that is allowed',
  );
  assert.doesNotMatch(body, /style="|src=|<link/);
  assert.deepEqual(
    [headers['referrer-policy'], headers['cache-control'], headers['x-content-type-options']],
    ['no-referrer', 'no-store', 'nosniff'],
  );
});

test('the search field is escaped, and hostile queries are refused or find nothing', async () => {
  const { body } = await app.inject(`/dev/inbox?to=${encodeURIComponent('"><script>alert(1)</script>')}`);
  assert.doesNotMatch(body, /<script/);
  for (const query of ['to=%00', `to=${'a'.repeat(321)}`, 'other=1', 'to=a&to=b']) {
    assert.equal((await app.inject(`/dev/inbox/messages?${query}`)).statusCode, 400, query);
  }
  for (const query of ["to=' OR 1=1 --", 'to=%25', 'to=*)(uid=*', 'to=']) {
    assert.equal((await app.inject(`/dev/inbox/messages?${query}`)).statusCode, 200, query);
  }
});

test('there is no inbox in production, and none beside a real transport', async () => {
  const smtp = { kind: 'smtp', host: 'mail.test', port: 25, secure: false, requireTls: true } as const;
  for (const config of [
    { NODE_ENV: 'production', mail: { kind: 'inbox' } },
    { NODE_ENV: 'development', mail: smtp },
  ] as const) {
    for (const url of ['/dev/inbox', '/dev/inbox/messages']) {
      assert.equal((await appWith(config).inject(url)).statusCode, 404);
    }
  }
});
