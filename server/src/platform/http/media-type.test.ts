import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isJson } from './media-type.ts';

const taken = [
  'application/json',
  'Application/JSON',
  'APPLICATION/JSON',
  'application/json;charset=utf-8',
  'application/json; charset=utf-8',
  'application/json ; charset=utf-8',
  'application/json; charset=UTF-8',
  'application/json; Charset=Utf-8',
  'application/json; charset="utf-8"',
  'APPLICATION/JSON;CHARSET="UTF-8"',
];

// After CVE-2025-32442, CVE-2026-25223, CVE-2026-33806 and CVE-2026-3419: a spelling that the parser took and the
// validator did not recognise sent bodies past validation.
const unsupported = [
  '',
  ' ',
  ' application/json',
  'application/json ',
  '\tapplication/json',
  'application/json\t',
  'application/json\t; charset=utf-8',
  'application/json;\tcharset=utf-8',
  'application/json\ta',
  'application/json\n',
  'application/json\r\n',
  'application/json\0',
  'application/json\u00a0',
  'application/json garbage',
  'application/json; garbage',
  'application/json;',
  'application/json; ',
  'application/json;;charset=utf-8',
  'application/json; charset',
  'application/json; charset=',
  'application/json; charset=""',
  'application/json; charset=utf8',
  'application/json; charset=utf-7',
  'application/json; charset=utf-16',
  'application/json; charset=utf-16le',
  'application/json; charset=iso-8859-1',
  'application/json; charset=utf-8x',
  'application/json; charset="utf-8',
  'application/json; charset=utf-8"',
  "application/json; charset='utf-8'",
  'application/json; charset = utf-8',
  'application/json; charset=utf-8;',
  'application/json; charset=utf-8; charset=utf-8',
  'application/json; charset=utf-8; charset=utf-16',
  'application/json; charset=utf-8; boundary=x',
  'application/json; boundary=x',
  'application/json; q=1',
  'application/json  ; charset=utf-8',
  'application/json, application/json',
  'application/json,text/plain',
  'text/plain, application/json',
  'application/jſon',
  'application/jsonp',
  'application/json5',
  'application/json-patch+json',
  'application/problem+json',
  'application/vnd.api+json',
  'application/x-json',
  'application /json',
  'application/ json',
  'application\\json',
  'applicationjson',
  'application/',
  'application',
  '/json',
  '*/*',
  'text/json',
  'text/plain',
  'text/plain; application/json',
  'multipart/form-data; boundary=application/json',
  'application/x-www-form-urlencoded',
];

test('application/json is taken in any case, alone or with the charset utf-8', () => {
  for (const spelling of taken) assert.equal(isJson(spelling), true, JSON.stringify(spelling));
});

test('every other spelling is unsupported', () => {
  for (const spelling of unsupported) assert.equal(isJson(spelling), false, JSON.stringify(spelling));
});

test('a missing header is unsupported', () => {
  assert.equal(isJson(undefined), false);
});
