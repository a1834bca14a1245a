import type { MailData, SecurityEvent } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting, label } from './words.ts';

interface Notice {
  subject: string;
  says: (what: string | null) => string;
  notYou?: string;
}

const NOT_YOU =
  'If it was not you, sign out everywhere, choose a new password with “Forgot password”, and look at the sign-in methods of your account.';

const named = (what: string | null): string => (what === null ? '' : ` “${what}”`);

const notices: { readonly [E in SecurityEvent]: Notice } = {
  totp_added: {
    subject: 'An authenticator app was added',
    says: () => 'An authenticator app is now a second factor of your account.',
  },
  totp_removed: {
    subject: 'The authenticator app was removed',
    says: () => 'The authenticator app is no longer a second factor of your account.',
  },
  email_factor_added: {
    subject: 'Codes by mail were turned on',
    says: () => 'A code by mail is now a second factor of your account.',
  },
  email_factor_removed: {
    subject: 'Codes by mail were turned off',
    says: () => 'A code by mail is no longer a second factor of your account.',
  },
  passkey_added: {
    subject: 'A passkey was added',
    says: (what) => `The passkey${named(what)} was added to your account. It can be used to sign in.`,
  },
  passkey_removed: {
    subject: 'A passkey was removed',
    says: (what) => `The passkey${named(what)} was removed from your account.`,
  },
  passkey_suspicious: {
    subject: 'A passkey was refused',
    says: (what) =>
      `The passkey${named(what)} was refused: its counter went backwards, as it does when a security key has been copied.`,
    notYou: 'If you know no reason for it, remove this passkey from your account.',
  },
  recovery_codes_created: {
    subject: 'New recovery codes were made',
    says: () => 'Your account has new recovery codes. The earlier ones no longer work.',
  },
  recovery_code_used: {
    subject: 'A recovery code was used',
    says: (what) =>
      `A recovery code was used to sign in to your account. Codes left: ${what ?? 'unknown'}. If you lost a device, enrol a new second factor now.`,
  },
  second_factor_failed: {
    subject: 'Somebody failed at your second factor',
    says: () =>
      'Somebody proved the first factor of your account, such as the password, and then failed at the second one.',
    notYou:
      'If it was not you, somebody knows your password: change it now with “Forgot password” on the sign-in page.',
  },
  sign_in_unfinished: {
    subject: 'A sign-in stopped at your second factor',
    says: () =>
      'Somebody proved the first factor of your account, such as the password, on a device that is new to it, and did not go on to the second one.',
    notYou:
      'If it was not you, somebody knows your password: change it now with “Forgot password” on the sign-in page.',
  },
  device_trusted: {
    subject: 'A device is trusted now',
    says: () => 'On one more device you are no longer asked for the second factor.',
  },
  identity_linked: {
    subject: 'A sign-in provider was linked',
    says: (what) =>
      `An account${what === null ? ' at a provider' : ` at ${what}`} can now be used to sign in to your account.`,
  },
  identity_unlinked: {
    subject: 'A sign-in provider was unlinked',
    says: (what) =>
      `An account${what === null ? ' at a provider' : ` at ${what}`} can no longer be used to sign in to your account.`,
  },
  identity_link_refused: {
    subject: 'A sign-in with a provider was not linked',
    says: (what) =>
      `Somebody signed in${what === null ? ' at a provider' : ` at ${what}`} with an account that names your address. It was not linked to your account.`,
    notYou: 'If it was you, sign in as you always do and link the provider there. If not, there is nothing to do.',
  },
  factors_reset: {
    subject: 'Your second factors were removed',
    says: () =>
      'All second factors of your account were removed by an administrator: passkeys, authenticator app, codes. You were signed out everywhere.',
  },
  factor_reset_vetoed: {
    subject: 'The removal of your second factors was stopped',
    says: () => 'Your second factors stay as they are.',
  },
  account_claimed: {
    subject: 'Your account is now yours alone',
    says: () =>
      'You proved that this address is yours. What had been set in the account before that, such as a password, was removed.',
    notYou: 'If you had chosen a password yourself, choose one again with “Forgot password” on the sign-in page.',
  },
};

export const securityNotice = {
  en: (data: MailData['security-notice']): Letter => {
    const { subject, says, notYou = NOT_YOU } = notices[data.event];
    return {
      subject,
      greeting: greeting(data.name),
      paragraphs: [says(label(data.what))],
      facts: eventFacts(data),
      why: 'You receive this because it concerns the security of your account.',
      notYou,
    };
  },
};
