import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSendable, isMailAddress, MailFailure, mailbox, oneLine } from './mail.ts';

const mail = {
  id: '01930000-0000-7000-8000-000000000001',
  from: { name: '', address: 'noreply@house.test' },
  to: 'ada@example.test',
  subject: 'Hello',
  text: 'text',
  html: '<p>html</p>',
};

test('plain and international addresses are addresses', () => {
  for (const address of [
    'ada@example.test',
    "o'neil+tag=x/y@sub.example.test",
    'jürgen@bücher.example',
    'a@b',
    '用户@例子.中国',
  ]) {
    assert.equal(isMailAddress(address), true, address);
  }
});

test('what a parser could read as another recipient is no address (I-129)', () => {
  const corpus = [
    '"victim@good.test, x"@evil.test',
    '"a b"@c.test',
    'a@b.test, c@d.test',
    'a@b.test;c@d.test',
    'a@b@c.test',
    'Name <a@b.test>',
    '<a@b.test>',
    'group: a@b.test;',
    'a(comment)@b.test',
    'a@[127.0.0.1]',
    'a@[x@evil.test]',
    'a@b.test\r\nRCPT TO:<c@d.test>',
    'a@b.test\nBcc: c@d.test',
    'a@b.test\u0000',
    'a @b.test',
    'a@b.test ',
    '@a.test:b@c.test',
    'a\\@b@c.test',
    'a@b\u202e.test',
    'a@b\u200b.test',
    'a@\ud800.test',
    '',
    '@',
    'a@',
    '@b',
  ];
  for (const address of corpus) {
    assert.equal(isMailAddress(address), false, JSON.stringify(address));
    assert.throws(
      () => assertSendable({ ...mail, to: address }),
      (error) => error instanceof MailFailure && error.kind === 'rejected',
    );
  }
});

test('hostile addresses are judged in linear time', () => {
  const started = performance.now();
  for (const part of ['(', '"', '<', '@', ',', 'a', 'a@', '\r\n ']) isMailAddress(part.repeat(200_000));
  assert.ok(performance.now() - started < 100);
});

test('a header with a line break in it is refused, not folded (REG-05)', () => {
  assert.throws(() => assertSendable({ ...mail, subject: 'x\r\nBcc: c@d.test' }), MailFailure);
  assert.throws(
    () => assertSendable({ ...mail, from: { name: 'x\nBcc: c@d.test', address: 'a@b.test' } }),
    MailFailure,
  );
  assert.equal(oneLine('a\r\nBcc: c@d.test\u202e\u0000\u2028z'), 'a Bcc: c@d.test z');
});

test('EMAIL_FROM is an address, or a name and an address', () => {
  assert.deepEqual(mailbox('noreply@house.test'), { name: '', address: 'noreply@house.test' });
  assert.deepEqual(mailbox(' The House <noreply@house.test> '), { name: 'The House', address: 'noreply@house.test' });
  assert.deepEqual(mailbox('"House, The" <noreply@house.test>'), { name: 'House, The', address: 'noreply@house.test' });
  for (const wrong of ['', 'noreply', 'a@b.test, c@d.test', 'x <a@b.test', 'x <a@b.test> <c@d.test>', '<>']) {
    assert.throws(() => mailbox(wrong), /EMAIL_FROM/, wrong);
  }
});
