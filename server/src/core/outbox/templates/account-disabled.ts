import type { MailData } from '../mail.ts';
import type { Letter } from './letter.ts';
import { eventFacts, greeting } from './words.ts';

export const accountDisabled = {
  en: (data: MailData['account-disabled']): Letter => ({
    subject: 'Your account was disabled',
    greeting: greeting(data.name),
    paragraphs: ['An administrator disabled your account. It cannot be signed in to until it is enabled again.'],
    facts: eventFacts(data),
    why: 'You receive this because it concerns your account.',
    notYou: 'If you think this is a mistake, ask those who run the service.',
  }),
};
