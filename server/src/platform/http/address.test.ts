import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressKey, createAddressReader } from './address.ts';

test('a peer that is not trusted is the client, whatever it sends along', () => {
  const read = createAddressReader(['loopback', '10.0.0.0/8']);
  assert.equal(read('203.0.113.7', '127.0.0.1'), '203.0.113.7');
  assert.equal(read('::ffff:203.0.113.7', '10.0.0.1, 127.0.0.1'), '203.0.113.7');
  assert.equal(read('2001:DB8::1', ['198.51.100.1']), '2001:db8::1');
  assert.equal(createAddressReader([])('127.0.0.1', '198.51.100.1'), '127.0.0.1');
});

test('the walk goes from right to left and believes only what trusted proxies report', () => {
  const read = createAddressReader(['loopback', 'uniquelocal', '198.51.100.0/24', 'fd00::/8']);
  const table: [peer: string, header: string | string[] | undefined, client: string][] = [
    ['127.0.0.1', undefined, '127.0.0.1'],
    ['127.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['::ffff:127.0.0.1', '203.0.113.7', '203.0.113.7'],
    ['::1', '203.0.113.7,10.0.0.9', '203.0.113.7'],
    ['127.0.0.1', '1.1.1.1, 203.0.113.7', '203.0.113.7'],
    ['127.0.0.1', '1.1.1.1, 127.0.0.1, 203.0.113.7, 10.1.1.1, 198.51.100.3', '203.0.113.7'],
    ['127.0.0.1', '127.0.0.1, 203.0.113.7', '203.0.113.7'],
    ['127.0.0.1', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['127.0.0.1', ['1.1.1.1', '203.0.113.7, 10.0.0.2'], '203.0.113.7'],
    ['127.0.0.1', '  203.0.113.7 \t,  10.0.0.2 ', '203.0.113.7'],
    ['127.0.0.1', '::FFFF:203.0.113.7', '203.0.113.7'],
    ['127.0.0.1', '::ffff:cb00:7107', '203.0.113.7'],
    ['127.0.0.1', '2001:DB8:0:0::1', '2001:db8::1'],
    ['fe80::1%eth0', '203.0.113.7', 'fe80::1'],
    ['127.0.0.1', '203.0.113.7:4711', '203.0.113.7'],
    ['127.0.0.1', '[2001:db8::1]:4711', '2001:db8::1'],
    ['127.0.0.1', '[2001:db8::1]', '2001:db8::1'],
    ['127.0.0.1', '203.0.113.7, fd12::1', '203.0.113.7'],
  ];
  for (const [peer, header, client] of table) assert.equal(read(peer, header), client, `${peer} ${String(header)}`);
});

test('garbage ends the walk at the last good address, and never empties it', () => {
  const read = createAddressReader(['loopback', 'uniquelocal']);
  const garbage = [
    '',
    ' ',
    ',',
    ',,',
    'unknown',
    '_hidden',
    'localhost',
    '"203.0.113.7"',
    '203.0.113.7.',
    '0x7f.1',
    '203.0.113.7:',
    '203.0.113.7:999999',
    '[203.0.113.7]',
    '[2001:db8::1',
    '2001:db8::1]',
    '203.0.113.7 198.51.100.1',
    "1' OR '1'='1",
    '__proto__',
    '\0',
    'for=203.0.113.7',
    'a'.repeat(16_000),
    '['.repeat(16_000),
    '203.0.113.7;',
    '999.1.1.1',
    ' '.repeat(16_000),
  ];
  for (const entry of garbage) {
    assert.equal(read('127.0.0.1', entry), '127.0.0.1', entry.slice(0, 40));
    assert.equal(read('127.0.0.1', `203.0.113.7, ${entry}, 10.0.0.5`), '10.0.0.5', entry.slice(0, 40));
    assert.equal(read('127.0.0.1', `${entry}, 203.0.113.7`), '203.0.113.7', entry.slice(0, 40));
  }
});

test('a long header costs nothing and cannot push the real client out', () => {
  const read = createAddressReader(['loopback', 'uniquelocal']);
  const long = '10.0.0.1, '.repeat(100_000);
  const start = performance.now();
  assert.equal(read('127.0.0.1', `${long}203.0.113.7`), '203.0.113.7');
  assert.equal(read('127.0.0.1', `${long}10.0.0.2`), '10.0.0.1');
  assert.ok(performance.now() - start < 20);
});

test('CVE-2026-92395: a mapped range does not come to trust the IPv4 internet, it stops the start', () => {
  assert.throws(() => createAddressReader(['::ffff:10.0.0.0/8']), /TRUSTED_PROXIES: ::ffff:10\.0\.0\.0\/8/);
  assert.throws(() => createAddressReader(['true']), /TRUSTED_PROXIES/);
  const read = createAddressReader(['::/8', 'fd00::/8']);
  assert.equal(read('::ffff:198.51.100.1', '127.0.0.1'), '198.51.100.1');
});

test('a socket without a peer address counts as one address, and its headers are not believed', () => {
  const read = createAddressReader(['loopback', '0.0.0.0/0']);
  assert.equal(read('', '203.0.113.7'), '0.0.0.0');
});

test('1,000 addresses of one /64 and every spelling of one address count as one', () => {
  const keys = new Set<string>();
  for (let i = 0; i < 1_000; i++) keys.add(addressKey(`2001:db8:1:2:${(i * 7).toString(16)}::${i.toString(16)}`));
  for (const text of [
    '2001:DB8:1:2::',
    '2001:0db8:0001:0002:ffff:ffff:ffff:ffff',
    '2001:db8:1:2::1%eth0',
    '2001:db8:1:2::1.2.3.4',
  ]) {
    keys.add(addressKey(text));
  }
  assert.deepEqual([...keys], ['2001:db8:1:2::/64']);
  const spellings = [
    '203.0.113.7',
    '::ffff:203.0.113.7',
    '::FFFF:203.0.113.7',
    '::ffff:cb00:7107',
    '0:0:0:0:0:ffff:cb00:7107',
  ];
  assert.deepEqual([...new Set(spellings.map(addressKey))], ['203.0.113.7']);
});

test('neighbouring networks count apart, and what is no address shares one key', () => {
  assert.notEqual(addressKey('2001:db8:1:2::1'), addressKey('2001:db8:1:3::1'));
  assert.notEqual(addressKey('203.0.113.7'), addressKey('203.0.113.8'));
  assert.equal(addressKey('::1'), '::/64');
  assert.equal(addressKey('garbage'), addressKey('other garbage'));
});
