import { randomBytes, randomInt } from 'node:crypto';

/** An unguessable value: 256 bits from the system's generator, base64url, with a prefix that says what it is for. */
export function randomToken(prefix: string, bytes = 32): string {
  return `${prefix}_${randomBytes(bytes).toString('base64url')}`;
}

/** A code of so many decimal digits, each equally likely. */
export function digits(count: number): string {
  return String(randomInt(10 ** count)).padStart(count, '0');
}
