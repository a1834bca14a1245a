/**
 * What each mail needs to know. `link` is made by the caller from APP_LINK_BASE, never from a request (RST-01); `when`
 * is ISO 8601; `device` is a user agent; `address` is where from on the network. `name` goes only to addresses that are
 * verified: else anyone could have a text of his own delivered to a stranger.
 */
export interface MailData {
  'verify-email': { link: string };
  'choose-password': { link: string };
  'confirm-email': { link: string };
  'address-taken': { link?: string };
  'reset-password': { link: string; name?: string };
  'password-changed': { when: string; device?: string; address?: string; name?: string };
  'new-device': { when: string; device: string; address: string; name?: string };
  'email-change-requested': { link: string; newEmail: string; when?: string; name?: string };
  'email-changed': { newEmail?: string; when?: string; name?: string };
  'refresh-reused': { when: string; device?: string; address?: string; name?: string };
  'account-disabled': { when: string; name?: string };
  'account-deleted': { when: string; name?: string };
  /** Written where there is nobody to write to, so that the answer takes the same time; the worker drops it. */
  nobody: { link: string };
}

export type MailTemplate = keyof MailData;

/** A mail that a change causes. It is written in the change's own transaction and sent afterwards. */
export type OutgoingMail = { [T in MailTemplate]: OutgoingMailOf<T> }[MailTemplate];

interface OutgoingMailOf<T extends MailTemplate> {
  template: T;
  to: string;
  locale?: string | null;
  /** Whose it is: what is unsent goes when the user is deleted. */
  userId?: string;
  data: MailData[T];
}
