import { sha256 } from '../../lib/bytes.ts';
import { randomToken } from '../../lib/random.ts';
import { type CookieNames, readCookie, setCookie } from '../../platform/http/cookies.ts';

/**
 * What stays with who asked, so that a value that leaked, or was slipped in, is nothing in other hands (I-014, OCL-01):
 * in a browser a cookie of its own for each value, so that two tabs do not disturb each other; in an application its
 * PKCE verifier. The flow of the one-time value says which, and is part of the one condition under which it is used.
 */
export interface Binding {
  readonly flow: string;
  readonly cookies: string[];
}

/** More of these than a person has tabs: the rest is rubbish, or somebody fills the jar. */
const MOST = 8;

export function bindToBrowser(
  names: CookieNames,
  value: string,
  { seconds, isCrossSite = false, scope = '' }: { seconds: number; isCrossSite?: boolean; scope?: string },
): Binding {
  const secret = randomToken('fb');
  const cookie = setCookie(names, cookieName(names, value), secret, seconds);
  // A form that another site posts carries no Lax cookie. None takes Secure, which browsers allow on localhost.
  const crossSite = `${cookie.replace('SameSite=Lax', 'SameSite=None').replace('; Secure', '')}; Secure`;
  return { flow: browserFlow(secret, scope), cookies: [isCrossSite ? crossSite : cookie] };
}

export function bindToApp(challenge: string): Binding {
  return { flow: `app:${challenge}`, cookies: [] };
}

/** The flow that a request shows for a value; null where it shows none. */
export function flowOf(
  names: CookieNames,
  value: string,
  { cookie, verifier, scope = '' }: { cookie: string | undefined; verifier?: string | undefined; scope?: string },
): string | null {
  if (verifier !== undefined) return bindToApp(sha256(verifier).toString('base64url')).flow;
  const secret = readCookie(cookie, cookieName(names, value));
  return secret === undefined ? null : browserFlow(secret, scope);
}

export function endBinding(names: CookieNames, value: string): string {
  return setCookie(names, cookieName(names, value), '', 0);
}

/** Takes away what earlier flows left in the jar, before it is so much that requests are refused. */
export function tidyJar(names: CookieNames, header: string | undefined): string[] {
  const found = (header ?? '').split(';').map((part) => part.split('=')[0]?.trim() ?? '');
  const flows = found.filter((name) => name.startsWith(prefix(names)) && /^[A-Za-z0-9_-]+$/.test(name));
  return flows.length < MOST ? [] : flows.slice(0, 50).map((name) => setCookie(names, name, '', 0));
}

function browserFlow(secret: string, scope: string): string {
  return `browser:${sha256(`${secret}:${scope}`).toString('base64url')}`;
}

function cookieName(names: CookieNames, value: string): string {
  return `${prefix(names)}${sha256(value).toString('hex').slice(0, 16)}`;
}

function prefix({ secure }: CookieNames): string {
  return secure ? '__Host-flow-' : 'flow-';
}
