import type { ProviderSettings } from '../../config/config.ts';
import { canonicalEmail, requireName } from '../users/index.ts';
import { invalidAnswer } from './failure.ts';

/** Who signed in at a provider, as far as that proves anything here. */
export interface Profile {
  readonly provider: string;
  readonly issuer: string;
  readonly subject: string;
  /** In the house's one form; null where there is none, or none that is an address. */
  readonly email: string | null;
  /** The provider has checked the address, and is one whose word on that counts. */
  readonly isVerified: boolean;
  /** The provider's word on this address is as good as the mailbox. */
  readonly isAuthoritative: boolean;
  readonly name: string | null;
}

/** OpenID Connect Core, section 2: at most 255 ASCII characters. Nothing that reads as "nobody" is somebody (I-045). */
export function requireSubject(value: unknown): string {
  if (typeof value !== 'string' || !/^[\x21-\x7e]([\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(value))
    throw invalidAnswer('the subject is missing, empty, too long or no text');
  return value;
}

/** GitHub's key is the number: names and addresses change hands. */
export function requireNumber(value: unknown): string {
  if (!Number.isSafeInteger(value) || (value as number) <= 0)
    throw invalidAnswer('the id is missing or no positive whole number');
  return String(value);
}

/** Address and `email_verified` come from one document. Anything but the boolean `true` is no (EML-11). */
export function profileOf(
  provider: ProviderSettings,
  who: { issuer: string; subject: string },
  claims: Readonly<Record<string, unknown>>,
): Profile {
  const email = typeof claims.email === 'string' ? canonicalEmail(claims.email) : null;
  const isVerified = email !== null && provider.verifiesAddresses && claims.email_verified === true;
  return {
    provider: provider.id,
    ...who,
    email,
    isVerified,
    isAuthoritative: isVerified && isAuthoritativeFor(provider, email, claims),
    name: nameOf(claims.name),
  };
}

function isAuthoritativeFor(
  { authoritativeDomains, hostedDomainClaim }: ProviderSettings,
  email: string,
  claims: Readonly<Record<string, unknown>>,
): boolean {
  const domain = email.slice(email.indexOf('@') + 1);
  if (authoritativeDomains.includes('*') || authoritativeDomains.includes(domain)) return true;
  const hosted = hostedDomainClaim === null ? undefined : claims[hostedDomainClaim];
  return typeof hosted === 'string' && hosted !== '';
}

function nameOf(value: unknown): string | null {
  try {
    return typeof value === 'string' && value.length <= 100 ? requireName(value) : null;
  } catch {
    return null;
  }
}
