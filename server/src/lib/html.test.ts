import assert from 'node:assert/strict';
import { test } from 'node:test';
import { html, raw } from './html.ts';

test('values are escaped in text and in quoted attributes', () => {
  const evil = `"><script>alert('x')</script>&\``;
  assert.equal(
    String(html`<a title="${evil}">${evil}</a>`),
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&#96;">&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&#96;</a>',
  );
});

test('what html or raw made is not escaped again, lists are joined, nothing is nothing', () => {
  const items = ['a<b', 'c'].map((item) => html`<li>${item}</li>`);
  assert.equal(
    String(html`<ul>${items}</ul>${raw('<hr>')}${null}${undefined}${false}${0}`),
    '<ul><li>a&lt;b</li><li>c</li></ul><hr>0',
  );
});

test('an object from outside cannot pass for HTML', () => {
  const forged = JSON.parse('{"text":"<b>","html":"<b>"}');
  assert.equal(String(html`${forged}`), '[object Object]');
  forged.toString = () => '<script>';
  assert.equal(String(html`${forged}`), '&lt;script&gt;');
});

test('control characters and lone surrogates do not reach the page', () => {
  assert.equal(String(html`${'a\u0000b\u001b[31m\ud800c\nd'}`), 'ab[31m\ufffdc\nd');
});

test('an unquoted attribute is refused', () => {
  assert.throws(() => html`<a href=${'x onclick=alert(1)'}>`, /must be quoted/);
});
