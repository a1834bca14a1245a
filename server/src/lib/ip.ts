import { isIPv4, isIPv6 } from 'node:net';

/** An address as its 16-bit groups: two for IPv4, eight for IPv6. An IPv4-mapped IPv6 address is IPv4. */
export type IpAddress = readonly number[];

export interface IpRange {
  readonly address: IpAddress;
  readonly prefix: number;
}

// The longest text of an address is 45 characters; a zone id is a name of an interface.
const MAX_LENGTH = 64;

/** Reads an address in any spelling; a zone id is dropped, since it means something on one machine only. */
export function parseIp(text: string): IpAddress | null {
  if (text.length > MAX_LENGTH) return null;
  if (isIPv4(text)) return groupsOfIpv4(text);
  if (!isIPv6(text)) return null;
  const zone = text.indexOf('%');
  const groups = groupsOfIpv6(zone === -1 ? text : text.slice(0, zone));
  return isMapped(groups) ? groups.slice(6) : groups;
}

/** The one spelling of an address: dotted decimal, or RFC 5952. */
export function formatIp(address: IpAddress): string {
  if (address.length === 2) return dotted(address[0] ?? 0, address[1] ?? 0);
  const [start, length] = longestRunOfZeros(address);
  const hex = address.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/**
 * Reads `10.0.0.0/8`, `fd00::/8` or a single address; null for anything else. Mapped ranges are refused whole:
 * `::ffff:10.0.0.0/8` reads like a private network and covers the whole IPv4 internet (CVE-2026-92395).
 */
export function parseCidr(text: string): IpRange | null {
  const slash = text.indexOf('/');
  const host = slash === -1 ? text : text.slice(0, slash);
  if (host.includes('%')) return null;
  const address = parseIp(host);
  if (address === null || (address.length === 2 && host.includes(':'))) return null;
  const bits = address.length * 16;
  if (slash === -1) return { address, prefix: bits };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(digits) || Number(digits) > bits) return null;
  return { address, prefix: Number(digits) };
}

const namedRanges: Record<string, readonly string[]> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** The ranges of one entry of TRUSTED_PROXIES: an address, a CIDR, or a name; null when it is none of these. */
export function parseTrustedProxy(entry: string): readonly IpRange[] | null {
  const texts = Object.hasOwn(namedRanges, entry) ? (namedRanges[entry] ?? []) : [entry];
  const ranges = texts.map(parseCidr).filter((range) => range !== null);
  return ranges.length === texts.length ? ranges : null;
}

export function isInRange(address: IpAddress, range: IpRange): boolean {
  if (address.length !== range.address.length) return false;
  for (let bit = 0, i = 0; bit < range.prefix; bit += 16, i++) {
    const mask = (0xffff << Math.max(0, 16 - (range.prefix - bit))) & 0xffff;
    if ((((address[i] ?? 0) ^ (range.address[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function groupsOfIpv4(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  return [a * 256 + b, c * 256 + d];
}

function groupsOfIpv6(text: string): number[] {
  const gap = text.indexOf('::');
  if (gap === -1) return groupsOf(text);
  const head = groupsOf(text.slice(0, gap));
  const tail = groupsOf(text.slice(gap + 2));
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function groupsOf(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => (group.includes('.') ? groupsOfIpv4(group) : Number.parseInt(group, 16)));
}

function isMapped(groups: IpAddress): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
}

function dotted(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The first of the longest runs, as RFC 5952, section 4.2.3 has it. */
function longestRunOfZeros(groups: IpAddress): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let i = 0, length = 0; i < groups.length; i++) {
    length = groups[i] === 0 ? length + 1 : 0;
    if (length > best[1]) best = [i - length + 1, length];
  }
  return best;
}
