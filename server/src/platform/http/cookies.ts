import { Refusal } from '../../lib/refusal.ts';

/** `__Host-` binds a cookie to this host, https and path `/`; plain-http localhost can have neither prefix nor Secure. */
export interface CookieNames {
  readonly session: string;
  readonly device: string;
  readonly secure: boolean;
}

export function cookieNames(publicUrl: string): CookieNames {
  const secure = publicUrl.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  return { session: `${prefix}session`, device: `${prefix}device`, secure };
}

/** The value of one cookie. Two cookies of the name are refused: one of them was tossed in from elsewhere (SES-04). */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  let found: string | undefined;
  for (const part of header.split(';')) {
    const at = part.indexOf('=');
    if (at < 0 || part.slice(0, at).trim() !== name) continue;
    if (found !== undefined) throw new Refusal('malformed_request', { detail: `The cookie ${name} was sent twice.` });
    found = part.slice(at + 1).trim();
  }
  return found;
}

export function setCookie(names: CookieNames, name: string, value: string, maxAgeSeconds: number): string {
  const secure = names.secure ? '; Secure' : '';
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure}`;
}

export function clearCookie(names: CookieNames, name: string): string {
  return setCookie(names, name, '', 0);
}
