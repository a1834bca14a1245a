import { randomFillSync } from 'node:crypto';

const pool = Buffer.alloc(1000);
let offset = pool.length;
let lastTime = 0;
let counter = 0;

/**
 * A UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, a 12-bit counter that keeps ids of one millisecond
 * in order within this process, 62 random bits. It names things; it is never a secret.
 */
export function uuidv7(now: number): string {
  if (offset + 10 > pool.length) {
    randomFillSync(pool);
    offset = 0;
  }
  const bytes = Buffer.alloc(16);
  pool.copy(bytes, 6, offset, offset + 10);
  offset += 10;
  counter = now === lastTime ? counter + 1 : bytes.readUInt16BE(6) & 0x07ff;
  lastTime = now;
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt16BE(0x7000 | (counter & 0x0fff), 6);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
