import { isIPv4, isIPv6 } from 'node:net';
import type { Parsed, Parser } from './parsers.ts';

/**
 * Proxies whose word about the client's address is taken. A range that is too wide lets every client write its own
 * address: whole internets are refused, and so are IPv4 ranges in IPv6 clothes, whose prefix length some matchers
 * count from the wrong end (CVE-2026-92395: `::ffff:10.0.0.0/8` trusted all of IPv4).
 */
export const addressRange: Parser<string> = {
  expected:
    'IP addresses and ranges separated by commas, such as 10.0.0.0/8,192.168.1.10,fd00::/8; at least /8 (IPv4) or /7 (IPv6)',
  parse(value) {
    const [address = '', length, ...rest] = value.split('/');
    if (rest.length > 0 || (length !== undefined && !/^\d{1,3}$/.test(length))) return { problem: 'is not a range' };
    if (isIPv4(address)) return checkRange(value, bitsOfIPv4(address), Number(length ?? 32), 8);
    if (!isIPv6(address) || address.includes('%')) return { problem: 'is not an IP address or range' };
    const bits = bitsOfIPv6(address);
    const prefix = Number(length ?? 128);
    const overlap = Math.min(prefix, MAPPED.length);
    if (prefix <= 128 && bits.slice(0, overlap) === MAPPED.slice(0, overlap)) {
      return { problem: 'covers IPv4 addresses in IPv6 form (write them as IPv4) or the whole of IPv6' };
    }
    return checkRange(value, bits, prefix, 7);
  },
};

const MAPPED = '0'.repeat(80) + '1'.repeat(16);

function checkRange(value: string, bits: string, prefix: number, shortest: number): Parsed<string> {
  if (prefix > bits.length) return { problem: 'has a prefix that is longer than the address' };
  if (prefix < shortest) return { problem: 'is so wide that any client could write its own address' };
  if (bits.slice(prefix).includes('1')) return { problem: 'has an address that is not the first of its range' };
  return { value };
}

function bitsOfIPv4(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
}

function bitsOfIPv6(address: string): string {
  const dotted = address.slice(address.lastIndexOf(':') + 1);
  const hex = isIPv4(dotted)
    ? address.slice(0, -dotted.length) +
      (bitsOfIPv4(dotted).match(/.{16}/g) ?? []).map((word) => Number.parseInt(word, 2).toString(16)).join(':')
    : address;
  const [head = '', tail] = hex.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after]
    .map((word) => Number.parseInt(word, 16).toString(2).padStart(16, '0'))
    .join('');
}
