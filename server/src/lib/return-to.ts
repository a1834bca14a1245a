const LONGEST = 2000;
// Printable ASCII without what browsers read as a slash, take out, or other programs end a value at.
const PLAIN = /^[!#-;=?-[\]_a-z~]+$/i;
const HIDDEN_IN_PATH = /%(?:0[0-9a-f]|1[0-9a-f]|7f|5c)/i;

/**
 * Where a browser may be sent after a sign-in: a path of this server, or an address at its own origin or at one of the
 * given. As it is to be used, or null. The text must begin literally with what it is allowed for, and the parser that
 * browsers use must read the same out of it: what only one of the two takes for ours is nobody's (RST-13, OIDC open
 * redirects). `*` and `null` among the origins allow nothing.
 */
export function allowedReturnTo(
  text: string,
  { publicUrl, origins }: { readonly publicUrl: string; readonly origins: readonly string[] },
): string | null {
  if (text.length > LONGEST || !PLAIN.test(text) || HIDDEN_IN_PATH.test(text)) return null;
  const own = new URL(publicUrl).origin;
  if (text.startsWith('/')) {
    const url = URL.parse(text, own);
    if (url === null || url.origin !== own || !isOnePath(text) || !isOnePath(url.pathname)) return null;
    return url.pathname + url.search + url.hash;
  }
  const origin = [own, ...origins].find((one) => isHttp(one) && beginsWith(text, one));
  const url = origin === undefined ? null : URL.parse(text);
  if (url === null || url.origin !== origin || url.username !== '' || url.password !== '') return null;
  return url.href;
}

/** `//host` and `/%2fhost`, before or after its dots are resolved, are or may become another host. */
function isOnePath(path: string): boolean {
  return !/^\/(?:\/|%2f)/i.test(path);
}

function isHttp(origin: string): boolean {
  return /^https?:\/\/[^/]+$/.test(origin);
}

function beginsWith(text: string, origin: string): boolean {
  return text.startsWith(origin) && ['', '/', '?', '#'].includes(text.charAt(origin.length));
}
