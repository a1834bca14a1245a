import { isCommon, isCommonAddition } from './common.ts';
import { fold, onlyLettersAndDigits, readLeet, reverse } from './fold.ts';
import type { PasswordOwner } from './policy.ts';

const product = ['authapi'];
const shortestPart = 4;
const leastOwnCharacters = 5;

/**
 * Whether a password is little more than what everybody knows about its owner or this server: the name, the address or
 * its parts, the host. What counts is what remains without them; a long phrase may contain a name.
 */
export function isMadeOfIdentity(password: string, owner: PasswordOwner, host: string | null): boolean {
  const terms = knownTerms(owner, host);
  return readLeet(fold(password)).some((reading) => {
    const text = onlyLettersAndDigits(reading);
    const rest = terms.reduce((left, term) => left.replaceAll(term, '').replaceAll(reverse(term), ''), text);
    return rest !== text && ([...rest].length < leastOwnCharacters || isCommonAddition(rest) || isCommon(rest));
  });
}

/** Longest first, so that a part does not break the whole that it belongs to. */
function knownTerms({ email, name }: PasswordOwner, host: string | null): string[] {
  const at = email.lastIndexOf('@');
  const [local, domain] = [email.slice(0, at), email.slice(at + 1)];
  const wholes = [email, local, domain, name ?? '', host ?? '', ...product].map((whole) =>
    onlyLettersAndDigits(fold(whole)),
  );
  const parts = [local, ...labels(domain), name ?? '', ...labels(host ?? '')].flatMap((text) =>
    fold(text).split(/[^\p{L}\p{N}]+|\d+/u),
  );
  const terms = [
    ...wholes.filter((whole) => whole.length >= 3),
    ...parts.filter((part) => part.length >= shortestPart),
  ];
  return [...new Set(terms)].sort((a, b) => b.length - a.length);
}

/** The labels of a host name without its top-level domain. */
function labels(host: string): string[] {
  return host.split('.').slice(0, -1);
}
