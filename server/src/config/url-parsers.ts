import type { Parsed, Parser } from './parsers.ts';

/** Whether a URL leads to this machine only: the one place where plain http gives nothing away. */
export function isLoopback(url: string): boolean {
  const name = URL.parse(url)?.hostname ?? '';
  return isLoopbackHost(name);
}

export function isLoopbackHost(name: string): boolean {
  return (
    name === 'localhost' ||
    name.endsWith('.localhost') ||
    name === '[::1]' ||
    name === '::1' ||
    /^127(\.\d{1,3}){3}$/.test(name)
  );
}

function parseHttpUrl(value: string): Parsed<URL> {
  const url = /\s/.test(value) ? null : URL.parse(value);
  if (!url || url.hostname === '') return { problem: 'is not a URL' };
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return { problem: 'is neither http nor https' };
  if (url.username !== '' || url.password !== '') return { problem: 'has a user or a password in it' };
  return { value: url };
}

export const origin: Parser<string> = {
  expected: 'an origin such as https://auth.example.com, without a path',
  parse(value) {
    const parsed = parseHttpUrl(value);
    if ('problem' in parsed) return parsed;
    const { pathname, search, hash } = parsed.value;
    if (value.includes('*')) return { problem: 'has a wildcard' };
    return pathname === '/' && search === '' && hash === '' && !/[?#]/.test(value)
      ? { value: parsed.value.origin }
      : { problem: 'has more than an origin' };
  },
};

/** Origins that browsers may call from, or the lone `*`. `null` is what a sandboxed page sends: never an identity. */
export const corsOrigins: Parser<readonly string[]> = {
  expected:
    'origins separated by commas, such as https://app.example.com,https://admin.example.com (* only outside production)',
  parse(value) {
    const parts = value.split(',').map((part) => part.trim());
    if (parts.length === 1 && parts[0] === '*') return { value: ['*'] };
    const origins = new Set<string>();
    for (const [index, part] of parts.entries()) {
      const parsed = origin.parse(part);
      if ('problem' in parsed) return { problem: `has a wrong item (number ${index + 1}): it ${parsed.problem}` };
      origins.add(parsed.value);
    }
    return { value: [...origins] };
  },
};

/** An http or https URL that other paths are put behind: no query, no fragment, no trailing slash. */
export const baseUrl: Parser<string> = {
  expected: 'an http or https URL without a query, such as https://app.example.com',
  parse(value) {
    const parsed = parseHttpUrl(value);
    if ('problem' in parsed) return parsed;
    if (/[?#]/.test(value)) return { problem: 'has a query or a fragment' };
    return { value: parsed.value.href.replace(/\/+$/, '') };
  },
};

/** A connection URL; what is in it is read by the rules of its kind. */
export function connectionUrl(expected: string, ...protocols: readonly string[]): Parser<URL> {
  return {
    expected,
    parse(value) {
      const url = /\s/.test(value) ? null : URL.parse(value);
      if (!url) return { problem: 'is not a URL (special characters of a user or password are written as %XX)' };
      if (!protocols.includes(url.protocol)) return { problem: 'has the wrong scheme' };
      try {
        for (const part of [url.username, url.password, url.hostname, url.pathname]) decodeURIComponent(part);
      } catch {
        return { problem: 'has a % that is not followed by two hexadecimal digits' };
      }
      return { value: url };
    },
  };
}
