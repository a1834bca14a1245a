import { randomBytes } from 'node:crypto';
import { equal, fromBase64url, hmac } from '../../lib/bytes.ts';

/**
 * A refresh token names its session, its generation in the chain of rotations, and a nonce that the database knows only
 * as a hash; a MAC under JWT_REFRESH_SECRET covers all of it. So a forged token costs no query, who has only the
 * database can make none, and the successor of a token can be made again within the grace without having been stored.
 */
const PREFIX = 'rt_';
const NONCE_BYTES = 16;
const BODY_BYTES = 16 + 4 + NONCE_BYTES;
const MAC_BYTES = 32;

export interface RefreshToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly nonce: Buffer;
}

export function newNonce(): Buffer {
  return randomBytes(NONCE_BYTES);
}

export function writeRefreshToken(token: RefreshToken, secrets: readonly string[]): string {
  const bytes = Buffer.allocUnsafe(BODY_BYTES + MAC_BYTES);
  bytes.write(token.sessionId.replaceAll('-', ''), 'hex');
  bytes.writeUInt32BE(token.generation, 16);
  token.nonce.copy(bytes, 20);
  mac(secrets[0] as string, bytes.subarray(0, BODY_BYTES)).copy(bytes, BODY_BYTES);
  return PREFIX + bytes.toString('base64url');
}

/** Null for anything that this server did not write. */
export function readRefreshToken(text: string, secrets: readonly string[]): RefreshToken | null {
  if (!text.startsWith(PREFIX) || text.length > 200) return null;
  const bytes = fromBase64url(text.slice(PREFIX.length));
  if (bytes === null || bytes.length !== BODY_BYTES + MAC_BYTES) return null;
  const body = bytes.subarray(0, BODY_BYTES);
  const sent = bytes.subarray(BODY_BYTES);
  if (!secrets.some((secret) => equal(mac(secret, body), sent))) return null;
  return { sessionId: uuidOf(body), generation: body.readUInt32BE(16), nonce: Buffer.from(body.subarray(20)) };
}

function mac(secret: string, body: Buffer): Buffer {
  return hmac(secret, 'refresh:', body);
}

export function uuidOf(bytes: Buffer): string {
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
