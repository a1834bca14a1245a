import { sha256 } from '../../lib/bytes.ts';
import { type CookieNames, readCookie, setCookie } from '../../platform/http/cookies.ts';

/**
 * The flow is what a link is bound to: a handle that stays with who asked. The app keeps the one that it was answered;
 * the cookie lets our own page, opened in the same browser, go on without knowing it. At rest there is only its hash.
 */
export function flowHash(flow: string): string {
  return sha256(flow).toString('hex');
}

const SECONDS = 600;
/** Somebody asks again, or in a second tab: the links of before still belong to this browser. */
const KEPT = 5;
const FLOW = /^fl_[\w-]{43}$/;

export function flowsOf(header: string | undefined, names: CookieNames): string[] {
  const value = readCookie(header, nameOf(names)) ?? '';
  return value
    .split('.')
    .filter((one) => FLOW.test(one))
    .slice(0, KEPT);
}

/** The newest comes first. */
export function flowCookie(names: CookieNames, flow: string, earlier: readonly string[]): string {
  return setCookie(names, nameOf(names), [flow, ...earlier].slice(0, KEPT).join('.'), SECONDS);
}

function nameOf({ secure }: CookieNames): string {
  return secure ? '__Host-magic-link' : 'magic-link';
}
