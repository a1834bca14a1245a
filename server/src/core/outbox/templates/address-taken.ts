import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { greeting, ownLink } from './words.ts';

export const addressTaken = {
  en: (data: MailData['address-taken']): Letter => ({
    subject: 'You already have an account',
    greeting: greeting(),
    paragraphs: [
      'Somebody, perhaps you, tried to create an account with this address. There is one already, and nothing about it was changed.',
      'If it was you, sign in with your password. If you do not remember it, use “Forgot password” on the sign-in page.',
    ],
    ...(data.link ? { action: { label: 'Choose a new password', link: ownLink(data.link) } } : {}),
    why: 'You receive this because a sign-up was tried with this address.',
    notYou: 'If it was not you, there is nothing to do: whoever it was learned nothing about your account.',
  }),
};
