import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting } from './words.ts';

export const refreshReused = {
  en: (data: MailData['refresh-reused']): Letter => ({
    subject: 'A session was ended for your safety',
    greeting: greeting(data.name),
    paragraphs: [
      'A sign-in token of your account came back after it had been replaced. It may have been copied, so the session it belongs to was ended. Sign in again on that device.',
    ],
    facts: eventFacts(data),
    why: 'You receive this because it concerns the security of your account.',
    notYou:
      'If this happens again, or you do not know the device, change your password and look through the sessions of your account.',
  }),
};
