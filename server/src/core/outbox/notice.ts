import type { RequestOrigin } from '../../lib/origin.ts';
import type { OutgoingMail, SecurityEvent } from './mail.ts';

/** Who is told. */
interface Owner {
  readonly id: string;
  readonly email: string;
  readonly locale: string | null;
}

/** Tells the owner what happened to the account: when, and from where if it is known. */
export function securityNotice(
  { id, email, locale }: Owner,
  event: SecurityEvent,
  { now, userAgent, address }: Pick<RequestOrigin, 'now'> & Partial<RequestOrigin>,
  what?: string,
): OutgoingMail {
  return {
    template: 'security-notice',
    to: email,
    locale,
    userId: id,
    data: {
      event,
      ...(what === undefined ? {} : { what }),
      when: new Date(now).toISOString(),
      ...(userAgent ? { device: userAgent } : {}),
      ...(address ? { address } : {}),
    },
  };
}
