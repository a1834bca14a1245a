import { sign } from 'node:crypto';

const LIFETIME = 600;

/**
 * The client secret that Apple takes: a JWT signed with the team's key (ES256; "Creating a client secret"). Apple allows
 * six months; ten minutes are enough where it is made on the spot, and a leaked one is worth as little.
 */
export function appleSecret(
  { teamId, keyId, privateKey }: { teamId: string; keyId: string; privateKey: string },
  clientId: string,
): (now: number) => string {
  let cached: { secret: string; until: number } | null = null;
  return (now) => {
    if (cached !== null && now < cached.until) return cached.secret;
    const seconds = Math.floor(now / 1000);
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'ES256', kid: keyId })}.${part({
      iss: teamId,
      iat: seconds,
      exp: seconds + LIFETIME,
      aud: 'https://appleid.apple.com',
      sub: clientId,
    })}`;
    const signature = sign('sha256', Buffer.from(body), { key: privateKey, dsaEncoding: 'ieee-p1363' });
    cached = { secret: `${body}.${signature.toString('base64url')}`, until: now + (LIFETIME / 2) * 1000 };
    return cached.secret;
  };
}
