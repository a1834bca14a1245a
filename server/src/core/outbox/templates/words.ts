/** Values from outside, made fit to be shown: mail programs turn anything that looks like an address into a link. */

const KNOWN_BROWSERS: [RegExp, string][] = [
  [/\bEdg(?:A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|CriOS)\//, 'Chrome'],
  [/\bVersion\/\S+ (?:Mobile\/\S+ )?Safari\//, 'Safari'],
];

const KNOWN_SYSTEMS: [RegExp, string][] = [
  [/\b(?:iPhone|iPad|iOS)\b/, 'iOS'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bmacOS\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/** What a user agent says of itself in a few words: its sender chose every character of it. */
export function deviceName(userAgent: string): string {
  const browser = KNOWN_BROWSERS.find(([pattern]) => pattern.test(userAgent))?.[1];
  const system = KNOWN_SYSTEMS.find(([pattern]) => pattern.test(userAgent))?.[1];
  if (browser) return system ? `${browser} on ${system}` : browser;
  const [, product] = /^([A-Za-z][\w-]{0,30})\/\d/.exec(userAgent) ?? [];
  if (product && product !== 'Mozilla') return system ? `${product} on ${system}` : product;
  return system ?? 'an unknown device';
}

/** A network address, and nothing else. */
export function networkAddress(address: string): string {
  return /^[0-9a-fA-F.:]{2,45}$/.test(address) ? address : 'unknown';
}

/** `Hello Ada,`. A name that could be a link, or is longer than names are, is left out. */
export function greeting(name?: string): string {
  const shown = (name ?? '').trim();
  return /^[\p{L}\p{M}'’ -]{1,40}$/u.test(shown) ? `Hello ${shown},` : 'Hello,';
}

const englishTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

export function moment(iso: string): string {
  return `${englishTime.format(new Date(iso))} UTC`;
}

/** A link that we made ourselves; anything else is a fault of ours, and the mail does not go. */
export function ownLink(link: string): string {
  const url = new URL(link);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('a link in a mail must be http or https');
  return url.href;
}

/** The facts of an event: when, on what, from where, as far as they are known. */
export function eventFacts(event: { when?: string; device?: string; address?: string }): [string, string][] {
  const facts: [string, string][] = [];
  if (event.when) facts.push(['When', moment(event.when)]);
  if (event.device) facts.push(['Device', deviceName(event.device)]);
  if (event.address) facts.push(['Network address', networkAddress(event.address)]);
  return facts;
}

/** A name that somebody gave to something, or nothing where it could be read as a link or a sentence. */
export function label(text?: string): string | null {
  const shown = (text ?? '').trim();
  return /^[\p{L}\p{M}\p{N}'’() -]{1,40}$/u.test(shown) ? shown : null;
}
