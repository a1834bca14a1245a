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
  'magic-link': { link: string };
  /** `for`: to sign in, or as a second factor. */
  'mail-code': { code: string; for: 'sign-in' | 'factor' };
  'security-notice': {
    event: SecurityEvent;
    what?: string;
    when: string;
    device?: string;
    address?: string;
    name?: string;
  };
  'factor-reset-requested': { link: string; due: string; name?: string };
  /** Written where there is nobody to write to, so that the answer takes the same time; the worker drops it. */
  nobody: { link: string };
}

/** What a person is told that happened to the account; `what` names the provider, the passkey or how many codes are left. */
export type SecurityEvent =
  | 'totp_added'
  | 'totp_removed'
  | 'email_factor_added'
  | 'email_factor_removed'
  | 'passkey_added'
  | 'passkey_removed'
  | 'passkey_suspicious'
  | 'recovery_codes_created'
  | 'recovery_code_used'
  | 'second_factor_failed'
  | 'sign_in_unfinished'
  | 'device_trusted'
  | 'identity_linked'
  | 'identity_unlinked'
  | 'identity_link_refused'
  | 'factors_reset'
  | 'factor_reset_vetoed'
  | 'account_claimed';

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
