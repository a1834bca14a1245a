import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { greeting, ownLink } from './words.ts';

export const resetPassword = {
  en: (data: MailData['reset-password']): Letter => ({
    subject: 'Reset your password',
    greeting: greeting(data.name),
    paragraphs: [
      'Choose a new password with the link below. It works once, only for a limited time, and only the newest one works. Afterwards every device has to sign in again.',
    ],
    action: { label: 'Choose a new password', link: ownLink(data.link) },
    why: 'You receive this because a new password was requested for the account with this address.',
    notYou: 'If you did not request it, ignore this mail: your password stays as it is.',
  }),
};
