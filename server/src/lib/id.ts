import { randomBytes } from 'node:crypto';

// As hexadecimal text: ids are made on every request, and slices of text are cheaper than bytes.
const POOL_BYTES = 8192;
const DIGITS = 19;
let pool = '';
let offset = 0;
let lastTime = -1;
let timeText = '';
let counter = 0;

/**
 * A UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, a 12-bit counter that keeps ids of one millisecond
 * in order within this process, 62 random bits. It names things; it is never a secret.
 */
export function uuidv7(now: number): string {
  if (offset + DIGITS > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex');
    offset = 0;
  }
  const random = pool.slice(offset, offset + DIGITS);
  offset += DIGITS;
  if (now !== lastTime) {
    const hex = Math.trunc(now).toString(16).padStart(12, '0');
    timeText = `${hex.slice(0, 8)}-${hex.slice(8)}-7`;
    counter = Number.parseInt(random.slice(16), 16) & 0x07ff;
    lastTime = now;
  } else counter += 1;
  const variant = '89ab'[Number.parseInt(random[0] as string, 16) & 3];
  return `${timeText}${(counter & 0x0fff).toString(16).padStart(3, '0')}-${variant}${random.slice(1, 4)}-${random.slice(4, 16)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
