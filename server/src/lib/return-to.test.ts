import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedReturnTo } from './return-to.ts';

const here = { publicUrl: 'https://auth.example.com', origins: ['https://app.example.com', 'http://localhost:5173'] };
const allowed = (text: string, setting: Parameters<typeof allowedReturnTo>[1] = here) => allowedReturnTo(text, setting);

test('a path of this server is taken, with its query and fragment, as browsers would read it', () => {
  for (const path of [
    '/',
    '/account',
    '/a/b?c=d&e=%20f#g',
    '/?x=1',
    '/a//b',
    '/@user',
    '/a:b',
    '/%41',
    '/a?u=//evil.test',
  ])
    assert.equal(allowed(path), path);
  assert.equal(allowed('/a/../b'), '/b');
});

test('an address at the own origin or an allowed one is taken', () => {
  for (const url of [
    'https://auth.example.com/',
    'https://auth.example.com/a?b#c',
    'https://app.example.com/welcome',
    'http://localhost:5173/#/home',
  ])
    assert.equal(allowed(url), url);
  assert.equal(allowed('https://app.example.com'), 'https://app.example.com/');
  assert.equal(allowed('https://app.example.com?x=1'), 'https://app.example.com/?x=1');
});

const FOREIGN = [
  '',
  ' ',
  'account',
  './account',
  '../account',
  '?x=1',
  '#x',
  '//evil.test',
  '///evil.test',
  '////evil.test',
  '/\\evil.test',
  '\\evil.test',
  '\\\\evil.test',
  '\\/evil.test',
  '/\\/evil.test',
  '/\tevil.test',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r/evil.test',
  '\t//evil.test',
  ' //evil.test',
  '/ /evil.test',
  '/\u0000/evil.test',
  '/.//evil.test',
  '/..//evil.test',
  '/a/..//evil.test',
  '/a/../..//evil.test',
  '/%2e//evil.test',
  '/%2fevil.test',
  '/%2F/evil.test',
  '/%5cevil.test',
  '/a%5c..%5cb',
  '/a%0d%0aset-cookie:%20x=1',
  '/a%00',
  '/a\r\nx-header: 1',
  '//',
  '/\u2215evil.test',
  '/\uff0fevil.test',
  '\uff0f\uff0fevil.test',
  '/a\u200b',
  '/a"b',
  '/a<b',
  '/a`b',
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'java\tscript:alert(1)',
  'javascript://auth.example.com/%0aalert(1)',
  'data:text/html,x',
  'vbscript:x',
  'blob:https://auth.example.com/1',
  'file:///etc/passwd',
  'mailto:a@b.c',
  'http:evil.test',
  'https:evil.test',
  'https:/evil.test',
  'https:///evil.test',
  'https://evil.test',
  'https://evil.test/https://auth.example.com',
  'https://auth.example.com.evil.test',
  'https://auth.example.com@evil.test',
  'https://auth.example.com:x@evil.test',
  'https://x:y@auth.example.com/',
  'https://x@auth.example.com/',
  'https://auth.example.com:443@evil.test/',
  'https://auth.example.com:8443/',
  'https://auth.example.com\\@evil.test',
  'https://auth.example.com%2eevil.test',
  'https://auth.example.com%2f@evil.test',
  'https://auth.example.com;evil.test',
  'https://auth.example.comevil.test',
  'https://evil.test#https://auth.example.com/',
  'https://evil.test?https://auth.example.com/',
  'https:auth.example.com',
  'https:\\\\auth.example.com\\',
  'HTTPS://AUTH.EXAMPLE.COM/',
  'http://auth.example.com/',
  'https://sub.auth.example.com/',
  'https://example.com/',
  '*',
  'null',
  `/${'a'.repeat(2000)}`,
];

test(`RST-13 ${FOREIGN.length} spellings of what is somewhere else, or might be, are refused`, () => {
  for (const text of FOREIGN) assert.equal(allowed(text), null, JSON.stringify(text));
});

test('whatever is taken leads a browser to an allowed origin, on this server and resolved twice', () => {
  const parts = ['/', '\\', '.', '..', '%2e', '%2f', '%5c', '@', ':', 'evil.test', '\t', '?', '#', 'a', 'https:', ';'];
  const origins = new Set([here.publicUrl, ...here.origins]);
  const heads = ['', '/', here.publicUrl, 'https://app.example.com'];
  let taken = 0;
  for (const head of heads) {
    for (const a of parts)
      for (const b of parts)
        for (const c of parts)
          for (const d of parts) {
            const found = allowed(head + a + b + c + d);
            if (found === null) continue;
            taken++;
            assert.ok(origins.has(new URL(found, 'https://auth.example.com/magic-link').origin), head + a + b + c + d);
            const again = allowed(found);
            assert.equal(again, found, 'what comes out is allowed as it is');
          }
  }
  assert.ok(taken > 1000, String(taken));
});

test('a star among the origins allows nobody, and neither does null', () => {
  for (const origin of ['*', 'null', 'https://*.example.com']) {
    for (const text of ['https://evil.test/', 'null', '*', 'https://x.example.com/'])
      assert.equal(allowed(text, { publicUrl: here.publicUrl, origins: [origin] }), null);
  }
});
