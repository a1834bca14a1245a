import { domainToASCII } from 'node:url';

// RFC 5321, section 4.5.3.1: 64 octets before the @, 255 for the domain, 254 for the whole path.
const LOCAL_MAX = 64;
const ADDRESS_MAX = 254;
const DOT_ATOM = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
// What the URL parser behind domainToASCII would drop, decode or cut off: it is made for addresses of pages.
const NOT_IN_DOMAIN = /[\p{C}\p{Z}]|[^\P{ASCII}a-z0-9.-]/u;
const DOMAIN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

/**
 * The one form in which an address is compared, stored and written to: NFKC, lower case, the domain in ASCII (IDNA).
 * Normalised first and judged afterwards (I-041). Exactly one plain mailbox: no lists, comments, quotes, groups or
 * address literals (I-042, I-129). Dots and plus tags are the receiving host's business and are kept.
 * Null: not an address.
 */
export function canonicalEmail(text: string): string | null {
  if (text.length > 320) return null;
  const normal = text.normalize('NFKC').trim().toLowerCase();
  const at = normal.indexOf('@');
  if (at < 1 || at !== normal.lastIndexOf('@')) return null;
  const local = normal.slice(0, at);
  if (NOT_IN_DOMAIN.test(normal.slice(at + 1))) return null;
  const domain = domainToASCII(normal.slice(at + 1));
  if (local.length > LOCAL_MAX || !DOT_ATOM.test(local) || !DOMAIN.test(domain)) return null;
  const address = `${local}@${domain}`;
  return address.length <= ADDRESS_MAX ? address : null;
}
