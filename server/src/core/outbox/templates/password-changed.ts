import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting } from './words.ts';

export const passwordChanged = {
  en: (data: MailData['password-changed']): Letter => ({
    subject: 'Your password was changed',
    greeting: greeting(data.name),
    paragraphs: ['The password of your account was changed.'],
    facts: eventFacts(data),
    why: 'You receive this because it concerns the security of your account.',
    notYou:
      'If it was not you, request a new password at once with “Forgot password” on the sign-in page, and check the address of your account.',
  }),
};
