import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { greeting, ownLink } from './words.ts';

export const choosePassword = {
  en: (data: MailData['choose-password']): Letter => ({
    subject: 'Choose a password for your account',
    greeting: greeting(),
    paragraphs: [
      'Somebody, perhaps you, signed up again with this address, which had never been confirmed.',
      'Choose a password to confirm the address and take the account over. Whatever was set up for it before ends then. Earlier links no longer work.',
    ],
    action: { label: 'Choose a password', link: ownLink(data.link) },
    why: 'You receive this because a sign-up was made with this address.',
    notYou: 'If you did not sign up, ignore this mail: nothing changes.',
  }),
};
