import { formatIp, isInRange, parseIp, parseTrustedProxy } from '../../lib/ip.ts';
import { addressKey } from '../../platform/http/address.ts';

export interface ClientAddress {
  address: string;
  limit_key: string;
  peer: string;
  peer_is_trusted: boolean;
  forwarded_for: string | null;
  trusted_proxies: string[];
  explanation: string;
}

/** What the server takes for the client's address, and why: a proxy that is not declared is the most common mistake. */
export function explainClientAddress(
  seen: { address: string; peer: string; forwardedFor: string | string[] | undefined },
  trustedProxies: readonly string[],
): ClientAddress {
  const peer = parseIp(seen.peer);
  const isTrusted = trustedProxies.some((entry) =>
    (parseTrustedProxy(entry) ?? []).some((range) => peer !== null && isInRange(peer, range)),
  );
  const header = seen.forwardedFor === undefined ? null : [seen.forwardedFor].flat().join(', ');
  return {
    address: seen.address,
    limit_key: addressKey(seen.address),
    peer: peer === null ? seen.peer : formatIp(peer),
    peer_is_trusted: isTrusted,
    forwarded_for: header?.slice(0, 1000) ?? null,
    trusted_proxies: [...trustedProxies],
    explanation: explanationOf(isTrusted, header !== null, seen.address === (peer && formatIp(peer))),
  };
}

function explanationOf(isTrusted: boolean, hasHeader: boolean, isPeer: boolean): string {
  if (!isTrusted && hasHeader) {
    return 'X-Forwarded-For was ignored: the connection comes from an address that is not in TRUSTED_PROXIES. If it is your proxy, add it there.';
  }
  if (!isTrusted) return 'The address of the connection itself; no proxy said anything.';
  if (!hasHeader)
    return 'The connection comes from a trusted proxy that sends no X-Forwarded-For: all of its clients look like one.';
  if (isPeer) return 'The trusted proxy’s own address: X-Forwarded-For held no address that could be read.';
  return 'From X-Forwarded-For, read from the right: the first address that is not a trusted proxy.';
}
