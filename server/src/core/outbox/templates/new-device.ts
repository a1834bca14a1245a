import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting } from './words.ts';

export const newDevice = {
  en: (data: MailData['new-device']): Letter => ({
    subject: 'New sign-in to your account',
    greeting: greeting(data.name),
    paragraphs: ['Your account was signed in to from a device that it had not been used on before.'],
    facts: eventFacts(data),
    why: 'You receive this because it concerns the security of your account.',
    notYou:
      'If it was not you, change your password and end that session in your account: somebody knows your password.',
  }),
};
