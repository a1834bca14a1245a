import { formatIp, type IpAddress, isInRange, parseIp, parseTrustedProxy } from '../../lib/ip.ts';

/** From the connection's peer and its X-Forwarded-For, the address of the client in its one spelling. */
export type AddressReader = (peer: string, forwardedFor: string | string[] | undefined) => string;

// Longer chains of one's own proxies do not exist; only a range that trusts too much gets here.
const MAX_HOPS = 16;
const PEERS_MAX = 1000;

/**
 * Walks X-Forwarded-For from the right, where our own proxies write, and believes an entry only when the one who
 * reported it is trusted. The first address that is not trusted is the client; everything left of it is the client's
 * own claim. Garbage ends the walk at the last good address: it never means "no address" (CVE-2024-47070).
 */
export function createAddressReader(trustedProxies: readonly string[]): AddressReader {
  const trusted = trustedProxies.flatMap((entry) => {
    const ranges = parseTrustedProxy(entry);
    if (ranges === null) throw new Error(`TRUSTED_PROXIES: ${entry} is not an address, a CIDR or a known name`);
    return ranges;
  });
  const isTrusted = (address: IpAddress): boolean => trusted.some((range) => isInRange(address, range));

  // The same peers ask again and again: proxies above all.
  const peers = new Map<string, { text: string; isProxy: boolean }>();
  const knownPeer = (peer: string): { text: string; isProxy: boolean } => {
    let known = peers.get(peer);
    if (known !== undefined) return known;
    const address = parseIp(peer);
    // A socket in the file system has no peer address. Nobody trusted is behind it, and limits count it as one.
    known =
      address === null ? { text: '0.0.0.0', isProxy: false } : { text: formatIp(address), isProxy: isTrusted(address) };
    if (peers.size >= PEERS_MAX) peers.clear();
    peers.set(peer, known);
    return known;
  };

  return (peer, forwardedFor) => {
    const { text, isProxy } = knownPeer(peer);
    if (forwardedFor === undefined || !isProxy) return text;
    let address = parseIp(text) as IpAddress;
    for (const entry of lastEntries(forwardedFor)) {
      const next = parseEntry(entry);
      if (next === null) break;
      address = next;
      if (!isTrusted(address)) break;
    }
    return formatIp(address);
  };
}

/** What limits count by: an IPv4 address whole, an IPv6 address by its /64, which any single subscriber has whole. */
export function addressKey(address: string): string {
  const parsed = parseIp(address);
  if (parsed === null) return 'unknown';
  if (parsed.length === 2) return formatIp(parsed);
  return `${formatIp([...parsed.slice(0, 4), 0, 0, 0, 0])}/64`;
}

/** Entries from right to left. A long header costs nothing: only as much of it is read as the walk believes. */
function* lastEntries(forwardedFor: string | string[]): Generator<string> {
  const text = typeof forwardedFor === 'string' ? forwardedFor : forwardedFor.join(',');
  let end = text.length;
  for (let hop = 0; hop < MAX_HOPS && end >= 0; hop++) {
    const comma = end === 0 ? -1 : text.lastIndexOf(',', end - 1);
    yield text.slice(comma + 1, end).trim();
    end = comma;
  }
}

/** Some proxies add the port: `203.0.113.7:4711`, `[2001:db8::1]:4711`. */
function parseEntry(entry: string): IpAddress | null {
  // Past this it is no address, and the patterns below are not to be run on kilobytes.
  if (entry.length > 72) return null;
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(entry) ?? /^\[([^\]]*:[^\]]*)\](?::\d{1,5})?$/.exec(entry);
  return parseIp(withPort?.[1] ?? entry);
}
