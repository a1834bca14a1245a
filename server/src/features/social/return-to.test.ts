import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readReturnTo, withQuery } from './return-to.ts';

const config = {
  PUBLIC_URL: 'https://auth.example.com',
  CORS_ORIGIN: ['https://app.example.com', '*', 'http://localhost:5173'],
};

/** Ways to write an address that some parser takes for another one. */
export const OPEN_REDIRECTS = [
  'https://evil.example',
  'http://evil.example',
  '//evil.example',
  '///evil.example',
  '////evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  '/\\/evil.example',
  '\\evil.example',
  '/\t/evil.example',
  '/\n/evil.example',
  '/\r\n/evil.example',
  '\t//evil.example',
  ' //evil.example',
  '//evil.example ',
  '\u0000//evil.example',
  '/\u0000/evil.example',
  'https:evil.example',
  'https:/evil.example',
  'https:///evil.example',
  'https:\\\\evil.example',
  'HTTPS://evil.example',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  'javascript://auth.example.com/%0aalert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:https://auth.example.com/x',
  'ftp://auth.example.com/',
  'about:blank',
  'mailto:a@b.c',
  'ws://auth.example.com/',
  'app://auth.example.com/',
  'https://auth.example.com@evil.example',
  'https://auth.example.com:x@evil.example',
  'https://auth.example.com%40evil.example',
  'https://auth.example.com.evil.example',
  'https://auth.example.comevil.example',
  'https://auth.example.com\\@evil.example',
  'https://evil.example/https://auth.example.com',
  'https://evil.example?https://auth.example.com',
  'https://evil.example#https://auth.example.com',
  'https://evil.example\\.auth.example.com',
  'https://evilauth.example.com',
  'https://app.example.com.evil.example/',
  'https://app.example.com@evil.example/',
  'https://app.example.com:8443/',
  'https://app.example.com:443@evil.example/',
  'http://app.example.com/',
  'https://APP.example.com/',
  'https://app.example.com./',
  'https://app。example.com/',
  'https://ａpp.example.com/',
  'https://xn--pp-example.com/',
  'https://sub.app.example.com/',
  'http://localhost:5174/',
  'http://localhost:51730/',
  'http://localhost/',
  'null',
  '*',
  '',
  'account',
  './account',
  '?x=1',
  '#x',
  '/%2fevil.example',
  '/%2Fevil.example',
  '/%5cevil.example',
  '/%5Cevil.example',
  '/.//evil.example',
  '/x/..//evil.example',
  '/%09/evil.example',
  '/%0d%0a/evil.example',
  '/./%2fevil.example',
  '/〱evil.example',
  '/é',
  `/${'x'.repeat(2000)}`,
];

describe('where a browser may be sent afterwards', () => {
  test('OCL-08 PAG-04 none of the spellings of an open redirect gets through', () => {
    assert.ok(OPEN_REDIRECTS.length >= 60, String(OPEN_REDIRECTS.length));
    for (const text of OPEN_REDIRECTS) assert.equal(readReturnTo(text, config), null, JSON.stringify(text));
  });

  test('paths of this server and addresses at allowed origins do', () => {
    const allowed: [string, string, string][] = [
      ['/', 'own', 'https://auth.example.com/'],
      ['/account?tab=1#x', 'own', 'https://auth.example.com/account?tab=1#x'],
      ['/a/../b', 'own', 'https://auth.example.com/b'],
      ['/go?to=//evil.example', 'own', 'https://auth.example.com/go?to=//evil.example'],
      ['https://auth.example.com', 'own', 'https://auth.example.com/'],
      ['https://auth.example.com/account', 'own', 'https://auth.example.com/account'],
      ['https://app.example.com/done?x=1', 'app', 'https://app.example.com/done?x=1'],
      ['https://app.example.com', 'app', 'https://app.example.com/'],
      ['https://app.example.com?x', 'app', 'https://app.example.com/?x'],
      ['http://localhost:5173/', 'app', 'http://localhost:5173/'],
    ];
    for (const [text, kind, url] of allowed) assert.deepEqual(readReturnTo(text, config), { kind, url }, text);
  });

  test('what is put into the query replaces what was slipped in before, and the rest stays', () => {
    assert.equal(
      withQuery('https://app.example.com/a?x=1&code=theirs&error=old#f', { code: 'ours' }),
      'https://app.example.com/a?x=1&code=ours#f',
    );
  });
});
