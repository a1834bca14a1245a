import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MailData, MailTemplate, SecurityEvent } from '../mail.ts';
import { renderMail } from './render.ts';
import { deviceName, greeting, ownLink } from './words.ts';

const link = 'https://app.test/verify-email#token=vt_abc-DEF_123&x=1';
const when = '2026-11-23T13:54:00.000Z';
const event = {
  when,
  device: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  address: '2001:db8::1',
};
const samples: { [T in Exclude<MailTemplate, 'nobody'>]: Required<MailData[T]> } = {
  'verify-email': { link },
  'choose-password': { link },
  'confirm-email': { link },
  'address-taken': { link },
  'reset-password': { link, name: 'Ada' },
  'password-changed': { ...event, name: 'Ada' },
  'new-device': { ...event, name: 'Ada' },
  'email-change-requested': { link, when, newEmail: 'new@example.test', name: 'Ada' },
  'email-changed': { when, newEmail: 'new@example.test', name: 'Ada' },
  'refresh-reused': { ...event, name: 'Ada' },
  'account-disabled': { when, name: 'Ada' },
  'account-deleted': { when, name: 'Ada' },
  'magic-link': { link },
  'mail-code': { code: '123456', for: 'factor' },
  'security-notice': { event: 'passkey_added', what: 'Phone', ...event, name: 'Ada' },
  'factor-reset-requested': { link, due: when, name: 'Ada' },
};
const all = Object.entries(samples) as [MailTemplate, Record<string, string>][];
const render = (template: MailTemplate, data: Record<string, string>, locale?: string) =>
  renderMail({ template, data, locale: locale ?? null } as Parameters<typeof renderMail>[0]);

for (const [template, data] of all) {
  test(`${template} says the same in text and HTML, why it came, and what to do if it was not you`, () => {
    const { subject, text, html } = render(template, data);
    assert.match(subject, /^[^\p{Cc}]{5,70}$/u);
    assert.match(html, /^<!doctype html>\n<html lang="en">/);
    assert.doesNotMatch(html, /<script|<img|src=|url\(|@import|undefined|\[object/);
    assert.doesNotMatch(text, /undefined|\[object|<\w/);
    assert.match(text, /You receive this because/);
    assert.match(html, /You receive this because/);
    assert.match(text, /\bIf\b/);
    if (data.link) {
      assert.ok(text.split('\n').includes(link), 'the link stands alone on its line');
      assert.ok(html.includes(`href="${link.replace('&', '&amp;')}"`));
    } else {
      assert.doesNotMatch(text + html, /https?:/);
    }
    if (data.when) assert.match(text, /When: 23 November 2026(,| at) 13:54 UTC/);
    if (data.device) assert.match(text, /Device: Firefox on Linux\nNetwork address: 2001:db8::1/);
    if (data.newEmail) assert.match(html, /new@example\.test/);
  });

  test(`${template} lets no input become markup, a header or a link`, () => {
    const evil = '"><script>alert(1)</script>\r\nBcc: c@d.test\u0000 https://evil.test www.evil.test';
    const hostile: Record<string, string> = { ...data, ...(data.link ? { link: `${link}"><script>` } : {}) };
    for (const key of ['name', 'device', 'address', 'what']) if (key in hostile) hostile[key] = evil;
    if ('newEmail' in hostile) hostile.newEmail = '"><script>@x.test';
    const { subject, text, html } = render(template, hostile);
    assert.doesNotMatch(html, /<script/);
    assert.doesNotMatch(subject + text + html, /evil|Bcc/);
    assert.doesNotMatch(subject, /[\r\n]/);
  });
}

const events: Record<SecurityEvent, true> = {
  totp_added: true,
  totp_removed: true,
  email_factor_added: true,
  email_factor_removed: true,
  passkey_added: true,
  passkey_removed: true,
  passkey_suspicious: true,
  recovery_codes_created: true,
  recovery_code_used: true,
  second_factor_failed: true,
  sign_in_unfinished: true,
  device_trusted: true,
  identity_linked: true,
  identity_unlinked: true,
  identity_link_refused: true,
  factors_reset: true,
  factor_reset_vetoed: true,
  account_claimed: true,
};

test('every security event is told in words of its own, with and without a name of what it is about', () => {
  const told = new Set<string>();
  for (const name of Object.keys(events)) {
    for (const what of ['Work phone', undefined, 'http://evil.test']) {
      const { subject, text } = render('security-notice', { event: name, when, ...(what && { what }) });
      assert.match(subject, /^[^\p{Cc}]{5,70}$/u);
      assert.doesNotMatch(text, /undefined|null|evil/);
      told.add(subject);
    }
  }
  assert.equal(told.size, Object.keys(events).length);
});

test('a mail needs only what is known', () => {
  assert.match(render('address-taken', {}).text, /Forgot password/);
  assert.match(render('password-changed', { when }).text, /^Hello,\n/);
  assert.match(render('email-changed', {}).text, /was changed\./);
});

test('a language that is not there yet is English, and no property of an object is a language or a template', () => {
  for (const locale of ['en', 'en-GB', 'de-AT', 'constructor', '__proto__', 'toString']) {
    assert.match(render('verify-email', { link }, locale).html, /lang="en"/);
  }
  assert.throws(() => render('constructor' as MailTemplate, {}), /unknown template/);
});

test('a link that is not a web address stops the mail', () => {
  for (const wrong of ['javascript:alert(1)', 'data:text/html,x', '/verify-email#token=x', ''])
    assert.throws(() => ownLink(wrong));
});

test('a name is greeted only where it can be nothing but a name', () => {
  assert.equal(greeting('Zoë O’Neil-Šmíd'), 'Hello Zoë O’Neil-Šmíd,');
  for (const name of ['Win at evil.test', 'http://x', 'a@b', 'x'.repeat(41), 'A\nB', '', ' ', '<b>', '5 free coins!']) {
    assert.equal(greeting(name), 'Hello,');
  }
});

test('a user agent becomes a few words of ours', () => {
  const names: [string, string][] = [
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36',
      'Chrome on Windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Safari/605.1',
      'Safari on macOS',
    ],
    ['curl/8.5.0', 'curl'],
    ['evil.test/1.0', 'an unknown device'],
    ['', 'an unknown device'],
  ];
  for (const [agent, name] of names) assert.equal(deviceName(agent), name);
});
