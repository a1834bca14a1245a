import { createHmac, sign, verify } from 'node:crypto';
import type { Config } from '../../config/config.ts';
import { equal, fromBase64url } from '../../lib/bytes.ts';
import { isUuid, uuidv7 } from '../../lib/id.ts';
import { Refusal } from '../../lib/refusal.ts';
import type { Clock } from '../../platform/clock.ts';
import { acrOf, type Principal } from '../../platform/http/principal.ts';
import type { Keys, SigningKey } from '../keys/index.ts';

export { createBearer } from './bearer.ts';

/** What a verified access token says, as far as this server itself uses it. Seconds. */
export interface AccessClaims {
  readonly sub: string;
  readonly sid: string;
  readonly exp: number;
}

/** Access tokens: RFC 9068 JWTs, signed here and verified here against exactly the headers that this server writes. */
export interface Tokens {
  issue(principal: Principal): { token: string; expiresIn: number };
  verify(token: string): AccessClaims;
}

const TOKEN_MAX = 8 * 1024;
const CACHE_MAX = 10_000;
/** How far the clocks of two processes may be apart. */
const SKEW_SECONDS = 60;

interface Deps {
  keys: Keys;
  clock: Clock;
  config: Pick<Config, 'JWT_ISSUER' | 'JWT_AUDIENCE' | 'JWT_EXPIRES_IN'>;
}

export function createTokens({ keys, clock, config }: Deps): Tokens {
  let byHeader = new Map<string, SigningKey>();
  const headers = new Map<string, string>();
  const verified = new Map<string, AccessClaims>();

  const index = (): void => {
    byHeader = new Map(keys.verifiers().map((key) => [headerOf(key), key]));
    verified.clear();
  };
  // An unknown `kid`, `alg`, `typ` or any further header field gives a header that this server never wrote: there is
  // nothing to negotiate with who sends it (RFC 8725, sections 3.1 and 3.11).
  const headerOf = (key: SigningKey): string => {
    let text = headers.get(key.kid);
    if (text === undefined) {
      text = encode({ alg: key.alg, kid: key.kid, typ: 'at+jwt' });
      headers.set(key.kid, text);
    }
    return text;
  };
  keys.onChange(index);

  const check = (token: string): AccessClaims => {
    const parts = token.split('.', 4);
    const [header, payload, signature] = parts;
    if (parts.length !== 3 || !header || !payload || !signature) throw new Refusal('unauthenticated');
    if (byHeader.size === 0) index();
    const key = byHeader.get(header);
    const bytes = fromBase64url(signature);
    if (!key || !bytes || !isSignature(key, `${header}.${payload}`, bytes)) throw new Refusal('unauthenticated');
    const claims = decode(payload);
    if (!isAccessClaims(claims) || claims.iss !== config.JWT_ISSUER || claims.aud !== config.JWT_AUDIENCE) {
      throw new Refusal('unauthenticated');
    }
    const latest = clock.now() / 1000 + SKEW_SECONDS;
    if (claims.iat > latest || (claims.nbf ?? 0) > latest) throw new Refusal('unauthenticated');
    return { sub: claims.sub, sid: claims.sid, exp: claims.exp };
  };

  return {
    issue(principal) {
      const key = keys.signer();
      const now = Math.floor(clock.now() / 1000);
      const expiresIn = Math.min(config.JWT_EXPIRES_IN, Math.floor(principal.expiresAt / 1000) - now);
      const payload = encode({
        iss: config.JWT_ISSUER,
        sub: principal.user.id,
        aud: config.JWT_AUDIENCE,
        exp: now + expiresIn,
        iat: now,
        jti: uuidv7(clock.now()),
        sid: principal.sessionId,
        client_id: 'auth-api',
        roles: principal.user.roles,
        scope: 'openid profile email',
        amr: principal.amr,
        acr: acrOf(principal.amr),
        auth_time: Math.floor(principal.authenticatedAt / 1000),
        ...(principal.impersonator === null ? {} : { act: { sub: principal.impersonator } }),
      });
      const input = `${headerOf(key)}.${payload}`;
      return { token: `${input}.${signatureOf(key, input).toString('base64url')}`, expiresIn };
    },

    verify(token) {
      if (token.length > TOKEN_MAX) throw new Refusal('unauthenticated');
      let claims = verified.get(token);
      if (claims === undefined) {
        claims = check(token);
        verified.set(token, claims);
        if (verified.size > CACHE_MAX) verified.delete(verified.keys().next().value as string);
      }
      if (claims.exp * 1000 <= clock.now()) {
        verified.delete(token);
        throw new Refusal('token_expired');
      }
      return claims;
    },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

// The signature says who wrote it, not what: an operator's own key or secret may sign other things elsewhere.
function decode(payload: string): unknown {
  const bytes = fromBase64url(payload);
  try {
    return bytes === null ? null : JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

function isAccessClaims(
  claims: unknown,
): claims is { iss: string; aud: string; sub: string; sid: string; exp: number; iat: number; nbf?: number } {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return false;
  const { sub, sid, exp, iat, nbf = 0 } = claims as Record<string, unknown>;
  return isId(sub) && isId(sid) && [exp, iat, nbf].every(Number.isSafeInteger);
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && isUuid(value);
}

function signatureOf(key: SigningKey, input: string): Buffer {
  if (key.alg === 'HS256') return createHmac('sha256', key.signWith).update(input).digest();
  if (key.alg === 'EdDSA') return sign(null, Buffer.from(input), key.signWith);
  return sign('sha256', Buffer.from(input), { key: key.signWith, dsaEncoding: 'ieee-p1363' });
}

function isSignature(key: SigningKey, input: string, signature: Buffer): boolean {
  if (key.alg === 'HS256') return equal(signatureOf(key, input), signature);
  if (key.alg === 'EdDSA') return verify(null, Buffer.from(input), key.verifyWith, signature);
  return verify('sha256', Buffer.from(input), { key: key.verifyWith, dsaEncoding: 'ieee-p1363' }, signature);
}
