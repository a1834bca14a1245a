import type { AuditEvent } from '../../core/audit/index.ts';
import { type OutgoingMail, securityNotice } from '../../core/outbox/index.ts';
import type { Profile } from '../../core/providers/index.ts';
import type { UserRow } from '../../core/users/index.ts';
import type { RequestOrigin } from '../../lib/origin.ts';

type Told = Pick<UserRow, 'id' | 'email' | 'locale'>;

/**
 * Both sides hear of a link. The provider's address only where the provider has verified it: else anyone could have
 * mails sent to a stranger.
 */
export function linkNotices(
  event: 'identity_linked' | 'identity_unlinked',
  user: Told,
  identity: { email: string | null; isVerified: boolean },
  what: string,
  origin: RequestOrigin,
): OutgoingMail[] {
  const own = securityNotice(user, event, origin, what);
  const { email, isVerified } = identity;
  return email === null || email === user.email || !isVerified ? [own] : [own, { ...own, to: email }];
}

export function identityLine(
  action: 'identity.linked' | 'identity.unlinked' | 'identity.link_refused',
  user: { id: string },
  profile: Pick<Profile, 'provider' | 'email'>,
  origin: RequestOrigin,
  detail: Record<string, unknown> = {},
): AuditEvent {
  const isRefused = action === 'identity.link_refused';
  return {
    action,
    outcome: isRefused ? 'denied' : 'success',
    actor: isRefused ? { type: 'anonymous' } : { type: 'user', id: user.id },
    subject: user.id,
    origin,
    detail: { provider: profile.provider, ...detail },
    ...(profile.email === null ? {} : { personal: { email: profile.email } }),
  };
}
