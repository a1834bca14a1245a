import { createHmac } from 'node:crypto';
import type { BcryptHash } from './stored.ts';

/**
 * bcrypt reads 72 bytes and stops at NUL. Our own hashes therefore give it base64 of an HMAC-SHA-384: 64 characters,
 * whatever was typed. The key is the hash's own salt, so that lists of bare SHA-384 digests stolen elsewhere cannot be
 * tried against it ("shucking"). The mark in front keeps them apart from the plain bcrypt of other systems.
 */
const mark = '$bcrypt-sha384';

export async function hashByBcrypt(password: string, cost: number, salt: Buffer): Promise<string> {
  const { hash } = await native();
  return mark + (await hash(digest(password, bcryptBase64(salt)), cost, salt));
}

export async function matchesBcrypt(password: string, stored: BcryptHash): Promise<boolean> {
  const { verify } = await native();
  return verify(stored.kind === 'bcrypt' ? password : digest(password, stored.text.slice(7, 29)), stored.text);
}

/** Loaded when a bcrypt hash first needs it: a platform without the binary still serves Argon2. */
const native = () => import('@node-rs/bcrypt');

/** A hash that no password has, at full price: random in place of salt and result. */
export function decoyOfBcrypt(cost: number, random: Buffer): string {
  const [salt, result] = [random.subarray(0, 16), random.subarray(16, 39)];
  return `${mark}$2y$${String(cost).padStart(2, '0')}$${bcryptBase64(salt)}${bcryptBase64(result)}`;
}

function digest(password: string, salt: string): string {
  return createHmac('sha384', salt).update(password).digest('base64');
}

const standard = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const own = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function bcryptBase64(bytes: Buffer): string {
  const text = bytes.toString('base64').replaceAll('=', '');
  return Array.from(text, (character) => own[standard.indexOf(character)]).join('');
}
