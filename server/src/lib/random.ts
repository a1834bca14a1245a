import { randomBytes } from 'node:crypto';

/** An unguessable value: 256 bits from the system's generator, base64url, with a prefix that says what it is for. */
export function randomToken(prefix: string, bytes = 32): string {
  return `${prefix}_${randomBytes(bytes).toString('base64url')}`;
}
