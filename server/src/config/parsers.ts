import { isIP } from 'node:net';

export type Parsed<T> = { readonly value: T } | { readonly problem: string };

/** Reads the text of one setting. A problem is a predicate ("is not a number") and never repeats the text. */
export interface Parser<T> {
  readonly expected: string;
  readonly parse: (text: string) => Parsed<T>;
}

export function text(expected: string, allowed?: RegExp): Parser<string> {
  return {
    expected,
    parse: (value) => (allowed && !allowed.test(value) ? { problem: 'does not have the right form' } : { value }),
  };
}

export function wholeNumber(min: number, max: number): Parser<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse(value) {
      if (!/^\d{1,15}$/.test(value)) return { problem: 'is not a whole number' };
      const number = Number(value);
      return number < min || number > max ? { problem: 'is out of range' } : { value: number };
    },
  };
}

/** A Kubernetes service called `redis` puts `REDIS_PORT=tcp://…` into every pod near it: said, because it is hard to guess. */
export function port(min: 0 | 1): Parser<number> {
  const number = wholeNumber(min, 65_535);
  return {
    expected: `a port, ${min} to 65535${min === 0 ? ' (0: any free one)' : ''}`,
    parse: (value) =>
      value.startsWith('tcp://')
        ? { problem: 'comes from a Kubernetes service link (set enableServiceLinks: false in the pod)' }
        : number.parse(value),
  };
}

export const boolean: Parser<boolean> = {
  expected: 'true or false (also 1, 0, yes, no)',
  parse(value) {
    if (/^(true|1|yes)$/i.test(value)) return { value: true };
    if (/^(false|0|no)$/i.test(value)) return { value: false };
    return { problem: 'is neither true nor false' };
  },
};

export function oneOf<const T extends string>(...choices: readonly T[]): Parser<T> {
  return {
    expected: choices.length === 2 ? choices.join(' or ') : `one of ${choices.join(', ')}`,
    parse(value) {
      const choice = choices.find((candidate) => candidate === value);
      return choice === undefined ? { problem: 'is not one of the choices' } : { value: choice };
    },
  };
}

const SECONDS_OF: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

function secondsOf(value: string): number | null {
  const match = /^(\d{1,9})(s|m|h|d|w)?$/.exec(value);
  return match ? Number(match[1]) * (SECONDS_OF[match[2] ?? ''] ?? 1) : null;
}

/** Seconds. */
export function duration(min: string, max: string): Parser<number> {
  return {
    expected: `a duration from ${min} to ${max}, such as 90s, 15m, 12h, 7d, or plain seconds`,
    parse(value) {
      const seconds = secondsOf(value);
      if (seconds === null) return { problem: 'is not a duration' };
      const isInRange = seconds >= (secondsOf(min) ?? 0) && seconds <= (secondsOf(max) ?? 0);
      return isInRange ? { value: seconds } : { problem: 'is out of range' };
    },
  };
}

/** Bytes. */
export function size(min: number, max: number): Parser<number> {
  return {
    expected: 'a size from 1k to 100g, such as 512k, 10m, 1g, or plain bytes',
    parse(value) {
      const match = /^(\d{1,13})([kmg])?b?$/i.exec(value);
      if (!match) return { problem: 'is not a size' };
      const bytes = Number(match[1]) * 1024 ** ' kmg'.indexOf((match[2] ?? ' ').toLowerCase());
      return bytes < min || bytes > max ? { problem: 'is out of range' } : { value: bytes };
    },
  };
}

export const rateLimit: Parser<{ readonly max: number; readonly seconds: number }> = {
  expected: 'requests/seconds, such as 30/60 (1 to 1000000 requests in 1 to 86400 seconds)',
  parse(value) {
    const match = /^(\d{1,7})\/(\d{1,5})$/.exec(value);
    if (!match) return { problem: 'is not of the form requests/seconds' };
    const limit = { max: Number(match[1]), seconds: Number(match[2]) };
    const isInRange = limit.max >= 1 && limit.max <= 1_000_000 && limit.seconds >= 1 && limit.seconds <= 86_400;
    return isInRange ? { value: limit } : { problem: 'is out of range' };
  },
};

export function list<T>(item: Parser<T>, expected: string): Parser<readonly T[]> {
  return {
    expected,
    parse(value) {
      const values: T[] = [];
      for (const [index, part] of value.split(',').entries()) {
        const parsed = part.trim() === '' ? { problem: 'is empty' } : item.parse(part.trim());
        if ('problem' in parsed) return { problem: `has a wrong item (number ${index + 1}): it ${parsed.problem}` };
        values.push(parsed.value);
      }
      return { value: values };
    },
  };
}

/** A name or address to listen on or to connect to. */
export const host: Parser<string> = {
  expected: 'a host name or an IP address, without a scheme or a port',
  parse(value) {
    const bare = value.replace(/^\[(.*)\]$/, '$1');
    if (isIP(bare) !== 0) return { value: bare };
    const isName =
      value.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(value);
    return isName && !/^[\d.]+$/.test(value) ? { value } : { problem: 'is not a host' };
  },
};

/** A path of a URL without a trailing slash; the root alone is the empty prefix. */
export const urlPath: Parser<string> = {
  expected: 'a path that starts with /, of letters, digits and - . _ ~ /',
  parse(value) {
    if (value === '/') return { value: '' };
    const hasDots = value.split('/').some((part) => part === '.' || part === '..');
    const isPath = /^(\/[A-Za-z0-9._~-]+)+\/?$/.test(value) && !hasDots;
    return isPath ? { value: value.replace(/\/$/, '') } : { problem: 'is not such a path' };
  },
};

/** RFC 5322 in the form that mail programs accept: `a@b.c` or `Name <a@b.c>`. Control characters never come this far. */
export const mailbox: Parser<string> = {
  expected: 'an address, or a name and an address: Example <no-reply@example.com>',
  parse(value) {
    const match = /^(?:"[^"\\]*"|[^<>"@,;:\\[\]()]+)\s*<([^<>\s]+)>$/.exec(value);
    const address = match ? (match[1] ?? '') : value;
    const [local = '', domain = '', ...rest] = address.split('@');
    const isLocal =
      local.length <= 64 && /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/.test(local);
    const isDomain =
      domain.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(domain);
    return rest.length === 0 && isLocal && isDomain ? { value } : { problem: 'is not an address' };
  },
};

export const path: Parser<string> = text('a path; relative ones start at the working directory');
