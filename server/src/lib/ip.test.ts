import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp, isInRange, parseCidr, parseIp, parseTrustedProxy } from './ip.ts';

function spelling(text: string): string | null {
  const address = parseIp(text);
  return address === null ? null : formatIp(address);
}

test('every spelling of an address gives the one of RFC 5952, or dotted decimal', () => {
  const table: [text: string, canonical: string][] = [
    ['203.0.113.7', '203.0.113.7'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8::ABCD', '2001:db8::abcd'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25', 'fe80::1'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::FFFF:1.2.3.4', '1.2.3.4'],
    ['::ffff:102:304', '1.2.3.4'],
    ['0:0:0:0:0:ffff:0102:0304', '1.2.3.4'],
    ['::ffff:1.2.3.4%eth0', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['::ffff:0:1.2.3.4', '::ffff:0:102:304'],
  ];
  for (const [text, canonical] of table) assert.equal(spelling(text), canonical, text);
});

test('what is no address is none: other bases, short forms, ports, blanks, words', () => {
  const texts = [
    '',
    ' ',
    'unknown',
    '_hidden',
    'localhost',
    '1.2.3',
    '127.1',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '0x7f.0.0.1',
    '2130706433',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.4:80',
    '[::1]',
    '1.2.3.4%eth0',
    ':::',
    '1::2::3',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:256.1.1.1',
    '1.2.3.4\0',
    '１.2.3.4',
    `fe80::1%${'x'.repeat(100)}`,
    'a'.repeat(1e6),
  ];
  for (const text of texts) assert.equal(parseIp(text), null, JSON.stringify(text.slice(0, 60)));
});

test('a range holds what its prefix says, host bits aside, and never the other family', () => {
  const table: [range: string, address: string, isInside: boolean][] = [
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['10.1.2.3/8', '10.9.9.9', true],
    ['192.168.4.0/22', '192.168.7.255', true],
    ['192.168.4.0/22', '192.168.8.0', false],
    ['203.0.113.7', '203.0.113.7', true],
    ['203.0.113.7', '203.0.113.6', false],
    ['203.0.113.6/31', '203.0.113.7', true],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '8.8.8.8', false],
    ['::/0', '::ffff:8.8.8.8', false],
    ['fd00::/8', 'FDAB::1', true],
    ['fd00::/8', 'fc00::1', false],
    ['fe80::/10', 'febf::1%eth0', true],
    ['fe80::/10', 'fec0::1', false],
    ['2001:db8::/33', '2001:db8:7fff::', true],
    ['2001:db8::/33', '2001:db8:8000::', false],
    ['::1/128', '::1', true],
    ['::1/128', '::2', false],
    ['10.0.0.0/8', '::ffff:10.1.1.1', true],
  ];
  for (const [text, address, isInside] of table) {
    const range = parseCidr(text);
    const parsed = parseIp(address);
    assert.ok(range !== null && parsed !== null, text);
    assert.equal(isInRange(parsed, range), isInside, `${address} in ${text}`);
  }
});

test('mapped ranges and malformed ranges are refused', () => {
  const texts = [
    '::ffff:10.0.0.0/8',
    '::ffff:10.0.0.0/104',
    '::ffff:10.0.0.1',
    '::FFFF:a00:0/104',
    '::ffff:0:0/96',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0.0/8 ',
    '::/129',
    'fe80::%eth0/10',
    '10.0.0',
    '10/8',
    '/8',
    '',
    '*',
    'all',
    'true',
  ];
  for (const text of texts) assert.equal(parseCidr(text), null, text);
});

test('the names of trusted proxies are known exactly', () => {
  assert.equal(parseTrustedProxy('loopback')?.length, 2);
  assert.equal(parseTrustedProxy('uniquelocal')?.length, 4);
  assert.equal(parseTrustedProxy('linklocal')?.length, 2);
  assert.equal(parseTrustedProxy('10.0.0.0/8')?.length, 1);
  for (const name of ['Loopback', 'private', 'constructor', '__proto__', ''])
    assert.equal(parseTrustedProxy(name), null);
});
