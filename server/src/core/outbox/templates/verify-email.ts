import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { greeting, ownLink } from './words.ts';

export const verifyEmail = {
  en: (data: MailData['verify-email']): Letter => ({
    subject: 'Confirm your email address',
    greeting: greeting(),
    paragraphs: [
      'Confirm that this address is yours to finish creating your account. The link works once, and only for a limited time.',
    ],
    action: { label: 'Confirm this address', link: ownLink(data.link) },
    why: 'You receive this because an account was created with this address.',
    notYou: 'If you did not create an account, ignore this mail: without the confirmation nobody can use your address.',
  }),
};
