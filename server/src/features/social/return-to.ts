import type { Config } from '../../config/config.ts';

/** Where a browser goes afterwards: to a page of this server, or to an application's. */
export interface ReturnTo {
  readonly kind: 'own' | 'app';
  readonly url: string;
}

/**
 * The addresses that are allowed, and no others (OCL-08, PAG-04): what two parsers could read differently (controls,
 * spaces, backslashes, users, non-ASCII) is refused before any parser sees it, and an origin must stand there letter by
 * letter as it is configured. `*` in CORS_ORIGIN allows calls, which carry no code; it allows no address here.
 */
export function readReturnTo(
  text: string,
  { PUBLIC_URL, CORS_ORIGIN }: Pick<Config, 'PUBLIC_URL' | 'CORS_ORIGIN'>,
): ReturnTo | null {
  if (text.length > 2000 || !/^[\x21-\x7e]+$/.test(text) || text.includes('\\')) return null;
  const isPath = text.startsWith('/');
  const whole = isPath ? `${PUBLIC_URL}${text}` : text;
  const origin = [PUBLIC_URL, ...CORS_ORIGIN].find(
    (one) => one !== '*' && whole.startsWith(one) && /^([/?#]|$)/.test(whole.slice(one.length)),
  );
  const url = origin === undefined ? null : URL.parse(whole);
  if (url === null || url.origin !== origin || url.username !== '' || url.password !== '') return null;
  if (/^\/[/\\]/.test(decodedStart(url.pathname))) return null; // `//host` to whoever looks at the path alone
  return { kind: origin === PUBLIC_URL ? 'own' : 'app', url: url.href };
}

function decodedStart(path: string): string {
  return path
    .slice(0, 20)
    .replace(/%2f/gi, '/')
    .replace(/%5c/gi, '\\')
    .replace(/%09|%0a|%0d/gi, '');
}

/** The address with more in its query; what is given replaces what stood there. */
export function withQuery(url: string, more: Readonly<Record<string, string>>): string {
  const parsed = new URL(url);
  for (const name of ['code', 'error', 'link_token', 'linked']) parsed.searchParams.delete(name);
  for (const [name, value] of Object.entries(more)) parsed.searchParams.set(name, value);
  return parsed.href;
}
